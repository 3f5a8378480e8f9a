"""Tokens: what callers of a colony prove who they are by, and the weaker ones that scripts get.

A token is 256 random bits, so its SHA-256 is enough to know it by, and nobody finds the token from that.

A script's token is made from its user's token by whoever runs the script, without asking the colony: an
end and a MAC of it, whose key is the hash that the colony has as well. So it can be checked by the colony,
and the user's token cannot be found from it.
"""

from __future__ import annotations

import hashlib
import hmac
import os

PREFIX = "coral_"
"""What a token begins with, so that a search for secrets finds it."""

SCRIPT_PREFIX = "corals_"
"""What a script's token begins with."""

_RANDOM_BYTES = 32
_NUMBER_CHARACTERS = 12


class ScriptToken:
    """A script's token, taken apart; nothing of it is checked yet.

    Attributes:
        number: Which token it was made from, see `number_of`.
        ends: When it ends, seconds since 1970.
        mac: What proves it, hexadecimal.
    """

    __slots__ = ("ends", "mac", "number")

    def __init__(self, number: str, ends: int, mac: str) -> None:
        self.number = number
        self.ends = ends
        self.mac = mac

    def is_made_of(self, digest: bytes) -> bool:
        """Says whether it was made from the token with this digest, in constant time."""
        return hmac.compare_digest(self.mac.encode(), _mac(digest, self.ends).encode())


def new_token() -> str:
    """Returns a new random token.

    >>> new_token().startswith("coral_")
    True
    """
    return PREFIX + os.urandom(_RANDOM_BYTES).hex()


def digest_of(token: str) -> bytes:
    """Returns what a colony knows a token by: its SHA-256."""
    return hashlib.sha256(token.encode()).digest()


def number_of(digest: bytes) -> str:
    """Returns a short name of a token, from which neither the token nor its digest can be found."""
    return hashlib.sha256(b"coral number " + digest).hexdigest()[:_NUMBER_CHARACTERS]


def script_token(token: str, *, ends: int) -> str:
    """Makes the token of a script.

    Args:
        token: The user's.
        ends: Until when it holds, seconds since 1970.
    """
    digest = digest_of(token)
    return f"{SCRIPT_PREFIX}{number_of(digest)}.{ends}.{_mac(digest, ends)}"


def read_script_token(text: str) -> ScriptToken | None:
    """Takes a script's token apart; None where the text is none."""
    if not text.startswith(SCRIPT_PREFIX):
        return None
    number, _, rest = text[len(SCRIPT_PREFIX) :].partition(".")
    ends, _, mac = rest.partition(".")
    if not (ends.isascii() and ends.isdecimal() and len(ends) < 16):
        return None
    return ScriptToken(number, int(ends), mac)


def _mac(digest: bytes, ends: int) -> str:
    return hmac.digest(digest, b"coral script %d" % ends, "sha256").hex()
