"""Page tokens: the sort key of the last row, opaque to clients."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from coral.errors import UsageError


def encode_token(*key: int | str) -> str:
    """A token of a sort key."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode()


def decode_token(token: str, types: tuple[type, ...]) -> tuple[Any, ...] | None:
    """The sort key of a token; None for an empty one.

    Raises:
        UsageError: The token was not made by `encode_token` for such a key.
    """
    if not token:
        return None
    try:
        key = msgspec.json.decode(base64.urlsafe_b64decode(token))
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise _unusable(token) from error
    if not isinstance(key, list) or [type(part) for part in key] != list(types):
        raise _unusable(token)
    return tuple(key)


def _unusable(token: str) -> UsageError:
    return UsageError(
        f"page_token {token!r} is not one of ours", hint="pass next_page_token as it was answered"
    )
