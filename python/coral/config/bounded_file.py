"""Reads a file that anybody may have put there: a plain file of bounded size, whoever it belongs to checked.

Opening a named pipe waits for ever, reading a device never ends: neither is opened where a file is expected.
Where the user names one (`--token-file <(...)`), it is read like a file, no further than to the limit.
"""

from __future__ import annotations

import os
import stat

from coral.errors import ConfigError, CoralError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Final

MAX_CONFIG_BYTES: Final = 64 * 1024
"""Size of `config.yaml` and `coral.yaml`: a thousand contexts, read within a second whatever is in it."""

MAX_SERVER_CONFIG_BYTES: Final = 1024 * 1024
"""Size of `agent.yaml` and `colony.yaml`, which are made by programs at times."""

MAX_TOKENS_BYTES: Final = 8 * 1024 * 1024
"""Size of a colony's file of tokens: 10,000 with the longest names."""

MAX_SECRET_BYTES: Final = 64 * 1024
"""Size of a file that holds one token, with what may be around it."""

MAX_PEM_BYTES: Final = 4 * 1024 * 1024
"""Size of a file of certificates or of a key: all that a system trusts are 250 KB."""

_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
# Windows has neither, and turns line ends where it is not told otherwise.
_NEVER_WAITS = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
_ALWAYS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def read_bounded(
    path: str,
    subject: str,
    *,
    most_bytes: int,
    hint: str,
    large_hint: str = "is it the file that you mean?",
    pipes: bool = False,
    owners: Collection[int] = (),
    errors: str = "strict",
    error: type[CoralError] = ConfigError,
) -> str:
    """Reads a file of UTF-8.

    Args:
        path: The file. Links are followed.
        subject: What messages begin with, the path in it.
        most_bytes: The largest size that is read.
        hint: What to do where it cannot be read.
        large_hint: What to do where it is larger.
        pipes: Whether a pipe, a terminal or another device of characters will do, since the user has named
            it. A pipe is waited for then, as any program does.
        owners: Users of whom both the file, and the link that stands in its place, must be; empty for all.
        errors: What becomes of bytes that are not UTF-8, as of `bytes.decode`.
        error: What to raise.

    Returns:
        Its text.

    Raises:
        CoralError: It cannot be read, is no file, is larger, belongs to another user or is not UTF-8.
    """
    try:
        raw = _read(path, most_bytes, pipes=pipes, owners=owners)
    except OSError as problem:
        raise error(f"{subject} cannot be read: {problem.strerror}", hint=hint) from None
    except _UnfitError as problem:
        raise error(f"{subject} {problem.args[0]}", hint=problem.args[1]) from None
    if len(raw) > most_bytes:
        raise error(f"{subject} is larger than {size_text(most_bytes)}", hint=large_hint)
    try:
        return raw.decode(errors=errors)
    except UnicodeDecodeError as problem:
        raise error(f"{subject} is not UTF-8: {problem}", hint=hint) from None


def size_text(size: int) -> str:
    """Writes a limit for people.

    >>> size_text(65536), size_text(4 * 1024 * 1024)
    ('64 KiB', '4 MiB')
    """
    return f"{size >> 20} MiB" if size >= 1 << 20 else f"{size >> 10} KiB"


class _UnfitError(Exception):
    """What is wrong with the file, and what to do."""


def _read(path: str, most_bytes: int, *, pipes: bool, owners: Collection[int]) -> bytes:
    before = os.stat(path)
    waits = pipes and (stat.S_ISFIFO(before.st_mode) or stat.S_ISCHR(before.st_mode))
    if not waits:
        _require_plain(before)  # opening a device may do something already
    if owners and os.lstat(path).st_uid not in owners:
        raise _foreign()
    descriptor = os.open(path, _ALWAYS if waits else _ALWAYS | _NEVER_WAITS)
    try:
        found = os.fstat(descriptor)
        if not waits:
            _require_plain(found)  # it may be another one meanwhile
        if owners and found.st_uid not in owners:
            raise _foreign()
        parts: list[bytes] = []
        room = most_bytes + 1
        while room and (part := os.read(descriptor, min(room, 1 << 20))):
            parts.append(part)
            room -= len(part)
    finally:
        os.close(descriptor)
    return b"".join(parts)


def _require_plain(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode) and not _is_null(status):
        kind = next((name for is_one, name in _KINDS if is_one(status.st_mode)), "something else")
        raise _UnfitError(f"is {kind}, expected a file", "put a file in its place, or remove it")


def _is_null(status: os.stat_result) -> bool:
    """Whether it is /dev/null, which stands in the place of files that somebody wants to hide."""
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == os.stat(os.devnull).st_rdev


def _foreign() -> _UnfitError:
    return _UnfitError("belongs to another user", "copy it, if you trust what is in it")
