"""The interactive shell of `coral query`: history, completion, statements over several lines."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from coral.cli.errors import report
from coral.cli.output import FORMATS
from coral.client.colony import QueryResult, to_rows
from coral.config.paths import state_dir
from coral.errors import CoralError, UsageError
from coral.printing import show_lines, show_text, tell

Ask = Callable[[str], QueryResult]
Show = Callable[[QueryResult, str], None]

_HISTORY_LINES = 1000
_KEYWORDS = [
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP",
    "BY",
    "ORDER",
    "LIMIT",
    "JOIN",
    "LEFT",
    "ASOF",
    "USING",
    "HAVING",
    "QUALIFY",
    "WITH",
    "DISTINCT",
    "UNION",
    "ALL",
    "AND",
    "OR",
    "NOT",
    "NULL",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "INTERVAL",
    "DESCRIBE",
    "SUMMARIZE",
    "SHOW",
    "TABLES",
    "BETWEEN",
    "LIKE",
    "COUNT",
]
_COMMANDS = (".tables", ".schema", ".mode", ".timer", ".help", ".quit")
_HELP = """\
.tables            what can be read
.schema [TABLE]    columns of a table, or of all
.mode [FORMAT]     how answers are printed: table, csv or json
.timer [on|off]    say how long each statement took
.help              this
.quit              leave; so does Ctrl-D
A statement ends with ; and may have several lines. Ctrl-C drops what is typed or ends what runs."""


class SqlShell:
    """Reads statements and dot commands, and prints what they answer."""

    def __init__(self, ask: Ask, show: Show, *, mode: str) -> None:
        """Binds the shell.

        Args:
            ask: Runs one statement.
            show: Prints an answer in a mode.
            mode: The first mode, one of `FORMATS`.
        """
        self._ask = ask
        self._show = show
        self._mode = mode
        self._timer = False
        self._words: list[str] | None = None
        self._typed: list[str] = []

    def run(self) -> None:
        """Reads lines until `.quit` or the end of the input."""
        with _line_editing(self.complete):
            print("Coral SQL. .help tells the commands, .quit leaves.", file=sys.stderr)
            while True:
                try:
                    line = input("coral> " if not self._typed else "  ...> ")
                except EOFError:
                    print(file=sys.stderr)
                    return
                except KeyboardInterrupt:
                    self._typed.clear()
                    print(file=sys.stderr)
                    continue
                if not self.feed(line):
                    return

    def feed(self, line: str) -> bool:
        """Takes one line; returns False when it was the last one."""
        if not self._typed and not line.strip():
            return True
        try:
            if not self._typed and line.lstrip().startswith("."):
                return self._command(line.split())
            self._typed.append(line)
            if line.rstrip().endswith(";"):
                statement = "\n".join(self._typed)
                self._typed.clear()
                self._run(statement)
        except CoralError as error:
            report(error.message, error.hint)
        except KeyboardInterrupt:
            report("interrupted")
        return True

    def complete(self, prefix: str) -> list[str]:
        """Commands, keywords, tables and columns that start with a prefix."""
        if prefix.startswith("."):
            return [name for name in _COMMANDS if name.startswith(prefix)]
        if self._words is None:
            self._words = []
            with contextlib.suppress(CoralError):  # a shell without names is still a shell
                rows = to_rows(self._ask("SELECT table_name, column_name FROM coral_columns").rows)
                words = {str(word) for row in rows for word in row}
                self._words = sorted(word for word in words if word.isidentifier())  # a colony said them
        lower = prefix.lower()
        found = [word for word in self._words if word.startswith(lower)]
        return found + [word for word in _KEYWORDS if word.startswith(prefix.upper())]

    def _run(self, statement: str) -> None:
        started = time.monotonic()
        self._show(self._ask(statement), self._mode)
        if self._timer:
            tell(f"{time.monotonic() - started:.3f} s")

    def _command(self, words: list[str]) -> bool:
        name, arguments = words[0], words[1:]
        if name in (".quit", ".exit"):
            return False
        if name == ".help":
            show_text(f"{_HELP}\n")
        elif name == ".tables":
            self._run("SELECT table_name, time_column, description FROM coral_tables ORDER BY ALL")
        elif name == ".schema":
            where = "'" + arguments[0].replace("'", "''").lower() + "'" if arguments else "table_name"
            self._run(
                "SELECT table_name, column_name, data_type FROM coral_columns"
                f" WHERE table_name = {where} ORDER BY table_name, position"
            )
        elif name == ".mode":
            if arguments and arguments[0] not in FORMATS:
                raise UsageError(f"there is no mode {arguments[0]}", hint=f"one of {', '.join(FORMATS)}")
            self._mode = arguments[0] if arguments else self._mode
            show_lines(f"mode: {self._mode}")
        elif name == ".timer":
            self._timer = arguments[0] == "on" if arguments else not self._timer
            show_lines(f"timer: {'on' if self._timer else 'off'}")
        else:
            raise UsageError(f"there is no command {name}", hint=".help lists them")
        return True


def history_file() -> Path:
    """Where the lines of earlier shells are."""
    return Path(state_dir()) / "sql_history"


@contextlib.contextmanager
def _line_editing(complete: Callable[[str], Iterable[str]]) -> Iterator[None]:
    """Line editing with history and completion, where Python has readline."""
    try:
        import readline
    except ImportError:
        yield
        return
    path = history_file()
    with contextlib.suppress(OSError):
        readline.read_history_file(path)
    readline.set_history_length(_HISTORY_LINES)
    found: list[str] = []

    def completer(prefix: str, index: int) -> str | None:
        if index == 0:
            found[:] = complete(prefix)
        return found[index] if index < len(found) else None

    readline.set_completer(completer)
    readline.set_completer_delims(" \t\n(),;=<>+-*/")
    readline.parse_and_bind("tab: complete")
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # a full disk or a read-only home is no reason to fail here
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            readline.write_history_file(path)
            os.chmod(path, 0o600)
