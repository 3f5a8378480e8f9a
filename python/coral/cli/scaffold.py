"""Writing files into a user's folder: nothing that is there is lost unless the user says so."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from coral.errors import StorageError, UsageError
from coral.printing import shell_word, show_lines

_ENDINGS = (".ts", ".mts", ".js", ".mjs")


def write_new(path: Path, text: str, *, force: bool) -> str:
    """Writes a file, as a whole or not at all.

    Args:
        path: The file; its folder is made if need be. A link of that name is replaced, not followed.
        text: What it shall hold.
        force: Whether a file that is there may be replaced.

    Returns:
        `wrote`, `replaced`, `unchanged` (it holds that text already) or `kept` (it is another file, and
        `force` is not set).

    Raises:
        StorageError: It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        exists = os.path.lexists(path)
        if exists and not path.is_symlink() and path.is_file() and _holds(path, text.encode()):
            return "unchanged"
        if exists and not force:
            return "kept"
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(temporary, 0o666 & ~_umask())
            if force:
                os.replace(temporary, path)
            else:
                os.link(temporary, path)  # fails where somebody else made it meanwhile
                os.unlink(temporary)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error.strerror}", hint="choose a folder that you may write to"
        ) from None
    return "replaced" if exists else "wrote"


def create_script(path: Path, text: str, *, force: bool, hint: str) -> None:
    """Writes a script, says so, and says what to do next.

    Args:
        path: Its file.
        text: What it shall hold.
        force: Whether a file that is there may be replaced.
        hint: What to do where one is there.

    Raises:
        UsageError: There is another file.
        StorageError: It cannot be written.
    """
    done = write_new(path, text, force=force)
    if done == "kept":
        raise UsageError(f"{said(path)} is there already", hint=hint)
    say_done(done, path)
    show_lines("", f"Next: coral run --watch {shell_word(said(path))}")


def script_path(name: str) -> Path | None:
    """The file that a script of this name is; None where the name is none, such as `below/` or nothing.

    >>> print(script_path("slow"), script_path("slow.js"), script_path("below/"))
    slow.ts slow.js None
    """
    ending = next((each for each in _ENDINGS if name.endswith(each)), "")
    stem = os.path.basename(name.removesuffix(ending))
    return Path(name if ending else f"{name}.ts") if stem.strip(". ") else None


def said(path: Path) -> str:
    """A path as a user would type it: relative where it is below the working directory."""
    absolute = Path(os.path.abspath(path))
    here = Path.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(absolute)


def say_done(word: str, path: Path, note: str = "") -> None:
    """Says on stdout what became of one file."""
    show_lines(f"{word:<9}  {said(path)}{f'  ({note})' if note else ''}")


def _holds(path: Path, content: bytes) -> bool:
    return path.stat().st_size == len(content) and path.read_bytes() == content


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
