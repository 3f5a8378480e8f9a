"""How a command ends that did not go well: two lines on stderr and an exit code, in one place."""

from __future__ import annotations

import os
import sys

from coral.errors import CoralError

TYPE_CHECKING = False  # typing and collections.abc cost 3 ms of every `coral run`
if TYPE_CHECKING:
    from collections.abc import Callable

EXIT_INTERRUPTED = 130
EXIT_BUG = 70


def guarded(command: Callable[[], int]) -> int:
    """Runs a command and turns every error into words and an exit code.

    A closed stdout (`coral ... | head`) ends quietly with 141, as SIGPIPE would. With `CORAL_DEBUG=1`
    errors come with their traceback.
    """
    try:
        code = command()
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The interpreter flushes stdout once more at its end, which must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except CoralError as error:
        _traceback_if_asked()
        report(error.message, error.hint)
        return error.exit_code
    except Exception as error:
        if not _traceback_if_asked():
            report(
                f"Coral failed in a way that it should not: {type(error).__name__}: {error}",
                "run it again with CORAL_DEBUG=1 for the traceback, and please report it",
            )
        return EXIT_BUG


def report(message: str, hint: str | None = None) -> None:
    """Prints `error: ...` and `hint: ...` on stderr, in colour on a terminal unless `NO_COLOR` is set."""
    colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    _line("error", "31", message, colour)
    if hint:
        _line("hint", "36", hint, colour)


def report_note(message: str) -> None:
    """Prints `note: ...` on stderr."""
    _line("note", "33", message, sys.stderr.isatty() and not os.environ.get("NO_COLOR"))


def _line(label: str, code: str, text: str, colour: bool) -> None:
    head = f"\033[1;{code}m{label}:\033[0m" if colour else f"{label}:"
    print(head, text, file=sys.stderr)


def _traceback_if_asked() -> bool:
    if os.environ.get("CORAL_DEBUG", "0") in ("", "0"):
        return False
    import traceback

    traceback.print_exc()
    return True
