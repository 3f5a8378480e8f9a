"""The tokens that a colony knows, fresh from their file, and who a caller is by the token it brings."""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC
from typing import Final

from coral.clock import Clock
from coral.config.token_file import Token, read_tokens
from coral.errors import ConfigError, ForbiddenError, UnauthenticatedError
from coral.model.tokens import ScriptToken, digest_of, number_of, read_script_token
from coral.script_limits import SCRIPT_TOKEN_SECONDS, TOKEN_CLOCK_SECONDS
from coral.serve.permissions import SCRIPT

_log = logging.getLogger(__name__)
_LOOK_SECONDS: Final = 1.0
_BEARER: Final = "bearer "
_HINT: Final = (
    "give one with --token-file FILE, CORAL_TOKEN_FILE or a context; coral token create NAME on the colony's"
    " machine makes one"
)


@dataclass(frozen=True)
class Caller:
    """Who makes a call.

    Attributes:
        name: The token's name; empty where the colony has no tokens.
        role: One of `coral.config.token_file.ROLES`, or `SCRIPT`.
        raw_attributes: Whether attributes that are redacted for others are shown.
        sha256: The hash of the token; of a script's the one that it was made from.
    """

    name: str
    role: str
    raw_attributes: bool
    sha256: bytes = b""


ANYONE: Final = Caller("", "admin", raw_attributes=False)
"""The caller where nobody needs a token: on loopback, without a file of tokens, and over a Unix socket. To
see raw attributes is a token's right: where there are none, the colony's setting `redact` holds for all."""

_CALLER: ContextVar[Caller] = ContextVar("coral_caller", default=ANYONE)


def current_caller() -> Caller:
    """Who makes the call that is being answered."""
    return _CALLER.get()


def set_caller(caller: Caller) -> None:
    """Notes who makes the call of the current task."""
    _CALLER.set(caller)


class Tokens:
    """A file of tokens, as it is now. Used from one event loop."""

    def __init__(self, path: str, *, clock: Clock) -> None:
        """Reads the file.

        Raises:
            ConfigError: It cannot be used.
        """
        self._path = path
        self._clock = clock
        self._state = _state(path)
        self._tokens = read_tokens(path)
        self._problem: str | None = None

    def problems(self) -> list[str]:
        """What an operator should know: that the file cannot be used as it is now."""
        return [] if self._problem is None else [self._problem]

    def caller(self, authorization: str | None) -> Caller:
        """Says who brings this header.

        Args:
            authorization: Its value, or None where there is none.

        Raises:
            UnauthenticatedError: There is no token in it, or none that is known and holds.
            ForbiddenError: It is a script's, of an agent.
        """
        if authorization is None:
            raise UnauthenticatedError("the colony wants a token, and there was none", hint=_HINT)
        if not authorization.lower().startswith(_BEARER):
            raise UnauthenticatedError("the colony wants a bearer token, and got another kind", hint=_HINT)
        text = authorization[len(_BEARER) :].strip()
        of_script = read_script_token(text)
        if of_script is not None:
            return self._of_script(of_script)
        found = self._known(digest_of(text))
        if found is None:
            raise UnauthenticatedError("the colony does not know this token", hint=f"was it revoked? {_HINT}")
        return Caller(found.name, found.role, found.raw_attributes, found.sha256)

    def still_knows(self, caller: Caller) -> bool:
        """Whether a caller's token is in the file, with the role that it had."""
        found = self._known(caller.sha256)
        return found is not None and caller.role in (found.role, SCRIPT)

    async def watch(self, changed: Callable[[], None]) -> None:
        """Looks at the file every second, until cancelled.

        Args:
            changed: Told after other tokens have come into force.
        """
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if await asyncio.to_thread(self.refresh):
                changed()

    def refresh(self) -> bool:
        """Reads the file again if it is another one than before; a bad one leaves the tokens as they were.

        A bad one is read again until it is good: nothing tells of a folder whose permissions have changed.

        Returns:
            Whether other tokens are in force.
        """
        state = _state(self._path)
        if state == self._state:
            return False
        try:
            self._tokens = read_tokens(self._path, pipes=False)  # nobody waits here
        except ConfigError as error:
            problem = f"{error.message}; the tokens from before are in force"
            if problem != self._problem:
                _log.error("%s", problem)
            self._problem = problem
            return False
        self._state = state
        self._problem = None
        _log.info("the file of tokens %s has %d tokens now", self._path, len(self._tokens))
        return True

    def _known(self, digest: bytes) -> Token | None:
        # All are compared, each in constant time.
        found = None
        for token in self._tokens:
            if hmac.compare_digest(token.sha256, digest):
                found = token
        return found

    def _of_script(self, given: ScriptToken) -> Caller:
        for token in self._tokens:
            if number_of(token.sha256) != given.number or not given.is_made_of(token.sha256):
                continue
            now = self._clock.now().replace(tzinfo=UTC).timestamp()
            if given.ends < now:
                raise UnauthenticatedError(
                    "the script's token has ended: it holds as long as the run's time limit, a day at most",
                    hint="run it again; if it has just begun, this machine's clock and the colony's differ",
                )
            if given.ends > now + SCRIPT_TOKEN_SECONDS + 2 * TOKEN_CLOCK_SECONDS:
                raise UnauthenticatedError(
                    "the script's token holds for too long",
                    hint="do this machine's clock and the colony's differ?",
                )
            if token.role == "agent":
                raise ForbiddenError(
                    f"a script is not allowed to the role agent (token {token.name})",
                    hint="it is allowed to: admin, deployer, operator, viewer",
                )
            return Caller(token.name, SCRIPT, token.raw_attributes, token.sha256)
        raise UnauthenticatedError(
            "the colony does not know the token that this script's was made from",
            hint=f"was it revoked? {_HINT}",
        )


def _state(path: str) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
