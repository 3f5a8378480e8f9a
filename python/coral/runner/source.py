"""Where a script comes from: `FILE`, `-` (stdin), `-e CODE` or `example:NAME`."""

from __future__ import annotations

import os
import stat
import sys

from coral.errors import NotFoundError, UsageError
from coral.script_limits import MAX_SCRIPT_BYTES

_EXAMPLE = "example:"
_SDK = "@coral/sdk"
_LARGE_HINT = "data belong into a file beside the script"


class Source:
    """A script to run.

    Attributes:
        name: What to call it in messages.
        path: Its real path, or None for a text that is no file yet.
        text: That text.
        shown: What the user typed.
    """

    __slots__ = ("name", "path", "shown", "text")

    def __init__(self, name: str, *, path: str | None = None, text: str = "", shown: str = "") -> None:
        self.name = name
        self.path = path
        self.text = text
        self.shown = shown or name


def find_source(word: str | None, code: str | None = None) -> Source:
    """Finds the script that a command line names.

    Args:
        word: A path, `-` or `example:NAME`; None with `code`.
        code: The value of `-e`. It may use `coral` without importing it.

    Raises:
        NotFoundError: There is no such file or example.
        UsageError: It is nothing that can be run, or too large.
    """
    if code is not None:
        if word is not None:
            raise UsageError(
                f"there are two scripts, -e and {word}",
                hint="what the script itself shall get stands after --: coral run -e CODE -- argument",
            )
        if len(code) > MAX_SCRIPT_BYTES:
            raise _too_large("the script of -e")
        # Behind the code, so that its lines and columns are the user's: imports are hoisted.
        tail = "" if _SDK in code else f'\nimport * as coral from "{_SDK}";\n'
        return Source("eval.ts", text=code + tail, shown="-e")
    if word is None:
        raise UsageError("missing argument 'FILE'", hint="coral run --help shows how it is used")
    if word == "-":
        return _from_stdin()
    if word.startswith(_EXAMPLE):
        return _example(word.removeprefix(_EXAMPLE))
    scheme, separator, _ = word.partition("://")
    if separator and scheme.isalnum() and not os.path.exists(word):
        if scheme == "file":
            raise UsageError(f"{word} is a URL, expected a path", hint="leave out file://")
        raise UsageError(
            f"{word} is a URL, and coral run loads nothing from the network",
            hint=f"download it, read it, then run the file: curl -o script.ts {word}",
        )
    return _file(word)


def _file(path: str) -> Source:
    script = os.path.realpath(path)
    try:
        script.encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"the path {path} is not UTF-8, which Deno cannot be given",
            hint="rename the file or its folder",
        ) from None
    try:
        status = os.stat(script)
    except (OSError, ValueError):
        raise NotFoundError(
            f"there is no file {path}", hint="coral run takes the path of a TypeScript or JavaScript file"
        ) from None
    if stat.S_ISDIR(status.st_mode):
        raise UsageError(
            f"{path} is a directory, expected a script", hint="name the file: coral run script.ts"
        )
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"{path} is no regular file", hint="hand it over by stdin: coral run - < it")
    if not os.access(script, os.R_OK):
        raise UsageError(f"{path} cannot be read", hint=f"give yourself the right: chmod u+r {path}")
    if status.st_size > MAX_SCRIPT_BYTES:
        raise _too_large(f"the script {path}")
    return Source(os.path.basename(path), path=script, shown=path)


def text_of(source: Source) -> str:
    """Returns the text of a script, wherever it is, for those who look at it.

    Raises:
        UsageError: It is not there any more, or has grown.
    """
    if source.path is None:
        return source.text
    from coral.config.bounded_file import read_bounded

    return read_bounded(
        source.path,
        f"the script {source.shown}",
        most_bytes=MAX_SCRIPT_BYTES,
        hint="it was changed in the meantime",
        large_hint=_LARGE_HINT,
        errors="replace",
        error=UsageError,
    )


def _too_large(what: str) -> UsageError:
    return UsageError(f"{what} is larger than {MAX_SCRIPT_BYTES >> 20} MiB", hint=_LARGE_HINT)


def _from_stdin() -> Source:
    if os.isatty(0):
        print("coral: reading the script from the terminal; end it with Ctrl-D", file=sys.stderr, flush=True)
    parts: list[bytes] = []
    size = 0
    while part := os.read(0, 1 << 16):
        parts.append(part)
        size += len(part)
        if size > MAX_SCRIPT_BYTES:
            raise _too_large("the script on stdin")
    try:
        return Source("stdin.ts", text=b"".join(parts).decode(), shown="-")
    except UnicodeDecodeError as error:
        raise UsageError(f"the script on stdin is not UTF-8: {error}", hint="is it a script?") from None


def _example(name: str) -> Source:
    from coral.runner.places import example_path, examples_dir

    path = example_path(name)
    if path is None:
        try:
            known = sorted([entry[:-3] for entry in os.listdir(examples_dir()) if entry.endswith(".ts")])
        except FileNotFoundError:
            known = []
        raise NotFoundError(
            f"there is no example {name!r}", hint="the examples are " + (", ".join(known) or "not installed")
        )
    return Source(os.path.basename(path), path=os.path.realpath(path), shown=_EXAMPLE + name)
