"""Every error that Coral raises on purpose, in one tree.

    CoralError                 message + hint + exit code
    ├── UsageError             2   the caller's arguments
    ├── ConfigError           78   a configuration file or environment variable
    ├── UnreachableError      69   a colony or agent that does not answer
    │   └── OverloadedError   75   it answers, but has no room now; retry later
    ├── DeniedError           77   not allowed: a script's policy or the SQL guard
    │   ├── UnauthenticatedError 77 a colony with tokens was asked without a good one
    │   └── ForbiddenError    77   the token's role does not allow it
    ├── NoDataError           66   a question about data that do not exist
    ├── NotFoundError         66   a thing asked for by name that does not exist
    ├── UnsupportedError      69   understood, but about something that cannot be read, or not on this system
    ├── QueryError            65   a SQL statement that failed
    ├── ScriptError           65   a script that cannot be loaded
    │   └── TypeCheckError    79   it loads, but its types do not fit (`--check`)
    ├── LimitError           124   a time or size limit ended the work
    │   ├── QuotaError       124   all that one run may have is used up
    │   └── MemoryLimitError 137   the memory limit did
    ├── ListenError           73   a port or socket that cannot be opened
    ├── RuntimeMissingError   72   the embedded Deno is absent, damaged or unusable
    └── StorageError          74   the database cannot be read or written
        └── StorageFullError  74   its disk has no room; what is stored stays readable

Exit codes follow BSD sysexits where one fits. A message says what was done, with which value and
what was expected; the hint says what to do next.
"""

from __future__ import annotations

import sys


class CoralError(Exception):
    """Base of all errors that are meant for people.

    Attributes:
        message: What went wrong, one sentence, no trailing newline.
        hint: What to do about it, or None.
        fields: What the error is about, by name, for example `{"service": "payments"}`.
        exit_code: Exit code of the CLI when this error ends a command.
    """

    exit_code = 1

    def __init__(
        self, message: str, *, hint: str | None = None, fields: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.fields = fields or {}


class UsageError(CoralError):
    """The caller's arguments cannot be used."""

    exit_code = 2


class ConfigError(CoralError):
    """A configuration file or an environment variable cannot be used."""

    exit_code = 78


class UnreachableError(CoralError):
    """A colony or an agent does not answer."""

    exit_code = 69


class OverloadedError(UnreachableError):
    """The other side answers, but has no room for this request now."""

    exit_code = 75


class DeniedError(CoralError):
    """The policy of scripts or of SQL does not allow it."""

    exit_code = 77


class UnauthenticatedError(DeniedError):
    """The colony wants a token, and there was none, or one that it does not know."""

    exit_code = 77


class ForbiddenError(DeniedError):
    """The role of the caller's token does not allow it."""

    exit_code = 77


class NoDataError(CoralError):
    """The question is about data that do not exist, which is never answered by a number."""

    exit_code = 66


class NotFoundError(CoralError):
    """Nothing has this name."""

    exit_code = 66


class UnsupportedError(CoralError):
    """What is asked for is understood, but this version, or Coral on this system, cannot do it."""

    exit_code = 69


def refuse_on_windows(what: str, hint: str) -> None:
    """Refuses what Coral knows only on systems like Linux and macOS.

    Args:
        what: What cannot be run, in the plural: `scripts`.
        hint: What to do instead.

    Raises:
        UnsupportedError: This is Windows.
    """
    if sys.platform == "win32":
        raise UnsupportedError(f"{what} cannot be run on Windows yet", hint=hint)


class QueryError(CoralError):
    """A SQL statement failed."""

    exit_code = 65


class ScriptError(CoralError):
    """A script cannot be loaded: its syntax, or a file that it imports."""

    exit_code = 65


class TypeCheckError(ScriptError):
    """A script has type errors."""

    exit_code = 79


class LimitError(CoralError):
    """A limit ended the work; the message names the limit."""

    exit_code = 124


class QuotaError(LimitError):
    """One run has used up all that it may have of something; waiting does not help."""

    exit_code = 124


class MemoryLimitError(LimitError):
    """A script ran out of memory."""

    exit_code = 137


class ListenError(CoralError):
    """A port or a socket cannot be opened."""

    exit_code = 73


class RuntimeMissingError(CoralError):
    """The embedded Deno is absent, damaged or unusable."""

    exit_code = 72


class StorageError(CoralError):
    """The database cannot be read or written."""

    exit_code = 74


class StorageFullError(StorageError):
    """The disk of the database has no room for new data; retry when there is some again."""
