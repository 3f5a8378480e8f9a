"""How a command ends that did not go well: two lines on stderr and an exit code, in one place."""

from __future__ import annotations

import os
import sys

from coral.colours import coloured
from coral.errors import CoralError, NotFoundError, StorageError
from coral.printing import tell_text, visible, visible_lines

EXIT_INTERRUPTED = 130
EXIT_PIPE_CLOSED = 141
EXIT_BUG = 70


def exit_code_of(error: BaseException) -> int:
    """Says on stderr how a command ended, and with which exit code the program shall end.

    A closed stdout (`coral ... | head`) is quiet and 141, as SIGPIPE would be. With `CORAL_DEBUG=1`
    errors come with their traceback.

    Args:
        error: What ended the command; exits of the interpreter are passed on.
    """
    if isinstance(error, CoralError):
        _traceback_if_asked()
        report(error.message, error.hint)
        return error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    if isinstance(error, BrokenPipeError):
        # The interpreter flushes stdout once more at its end, which must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return EXIT_PIPE_CLOSED
    if not isinstance(error, Exception):
        raise error
    if isinstance(error, OSError):
        known = _of_the_machine(error)
        if known is not None:
            return exit_code_of(known)
    if not _traceback_if_asked():
        report(
            f"Coral failed in a way that it should not: {type(error).__name__}: {error}",
            "run it again with CORAL_DEBUG=1 for the traceback, and please report it",
        )
    return EXIT_BUG


def _of_the_machine(error: OSError) -> CoralError | None:
    """What is wrong with the place and not with Coral: a full disk, a folder that is gone."""
    from errno import EDQUOT, EFBIG, EIO, ENOENT, ENOSPC, EROFS

    if error.errno in (ENOSPC, EDQUOT, EFBIG, EIO, EROFS):
        try:
            sys.stdout.flush()
        except OSError:  # it would fail again at the end of the interpreter
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        place = error.filename or "output, or a temporary file,"
        return StorageError(
            f"{place} cannot be written: {error.strerror}",
            hint="free some space, or send output to another place; TMPDIR and CORAL_CACHE_DIR choose others",
        )
    if error.errno == ENOENT:
        try:
            os.getcwd()
        except FileNotFoundError:
            return NotFoundError(
                "the current directory does not exist any more", hint="change to another one"
            )
        if "No usable temporary directory" in str(error):
            return StorageError(
                "no temporary file can be written", hint="set TMPDIR to a directory with space"
            )
    return None


def report(message: str, hint: str | None = None) -> None:
    """Prints `error: ...` and `hint: ...` on stderr, in colour where `coral.colours` says so."""
    colour = coloured(2)
    _line("error", "31", visible_lines(message), colour)
    if hint:
        _line("hint", "36", visible_lines(hint), colour)


def report_note(message: str) -> None:
    """Prints `note: ...` on stderr."""
    _line("note", "33", visible(message), coloured(2))


def _line(label: str, code: str, text: str, colour: bool) -> None:
    head = f"\033[1;{code}m{label}:\033[0m" if colour else f"{label}:"
    sys.stderr.write(f"{head} {text}\n")
    sys.stderr.flush()


def _traceback_if_asked() -> bool:
    if os.environ.get("CORAL_DEBUG", "0") in ("", "0"):
        return False
    import traceback

    tell_text(traceback.format_exc())
    return True
