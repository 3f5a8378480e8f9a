"""What Deno says of a script that it could not load, in Coral's words."""

from __future__ import annotations

import os
import re
from urllib.parse import unquote

from coral.config.bounded_file import read_bounded
from coral.errors import CoralError, DeniedError, ScriptError
from coral.runner.policy import DENIED_SCHEME, file_url
from coral.script_limits import MAX_SCRIPT_BYTES

ALLOWED = "scripts may import @coral/sdk and files below their own folder"
LEFT_OUT = "hidden entries, node_modules, links out of the folder and hard links are left out"
NO_FILES = "-e and - read and import no files: write the script to a file beside them, and run that"
_NO_PACKAGES = (
    "packages do not come with Coral; there are @coral/sdk and node: modules,"
    " else copy the code that you need to a file beside the script"
)
_NO_NETWORK = "nothing is loaded from the network; save the code that you need to a file beside the script"
_SPELLING = "write the path as it is on disk, with its ending: ./lib.ts"
_FOLDER = "name a file in it: ./lib/mod.ts"
_PLACE = re.compile(r"\n +at (?:<anonymous> \()?(\S+?):(\d+):(\d+)\)?\s*$")
_HIDDEN = re.compile(r"\d+ \| import \* as coral from ")
_QUOTED = re.compile(r"""(["'])(.*?)\1""")


class Text:
    """The text of a script that is no file of the user's: of `-e`, or from stdin.

    Attributes:
        path: Where it lies for Deno.
        shown: What the user knows it as: `-e`, `-`.
    """

    __slots__ = ("path", "shown")

    def __init__(self, path: str) -> None:
        self.path = path
        self.shown = "-e" if os.path.basename(path).startswith("eval") else "-"


def worded(text: str, script: str, folder: str, own: Text | None) -> CoralError | None:
    """Returns the error for what Deno said; None where Coral has no better words for it.

    Args:
        text: What it said, without colours and without `error: `.
        script: Path of the script.
        folder: The folder of which it may import files.
        own: The script, where it is a text and no file.
    """
    place = _PLACE.search(text)
    path = script
    if place is not None and place[1].startswith("file://"):
        path = unquote(place[1].removeprefix("file://"))
    name = os.path.basename(path)
    at = "" if place is None else f"\n    at {place[1]}:{place[2]}:{place[3]}"
    if own is not None and path == own.path:
        name = own.shown
        at = "" if place is None else f"\n    at {own.shown}:{place[2]}:{place[3]}"
    specifier = _specifier(path, place)
    found = _found(text, specifier, folder)
    if found is None:
        return None
    kind, what, hint = found
    if own is not None and hint in (_SPELLING, ALLOWED, LEFT_OUT):
        hint = NO_FILES
        what = what.replace(f"{folder}/", "./", 1)  # a folder of the run's own
    return kind(f"{name} imports {what}{at}", hint=hint)


def of_user(text: str, own: Text) -> str:
    """Returns what Deno says of `-e` or stdin, without the line that Coral has put behind it."""
    if ends_early(text, own.path):
        return ""
    lines = text.split("\n")
    hidden = next((i for i, line in enumerate(lines) if _HIDDEN.match(line)), len(lines))
    kept = [line for i, line in enumerate(lines) if i < hidden or not re.match(r"\d* *\| ?", line.strip())]
    return "error: " + "\n".join(kept).replace(file_url(own.path), own.shown) + "\n"


def ends_early(text: str, path: str) -> bool:
    """Whether an error is in the last line of `-e`, which Coral has put behind the user's code."""
    place = _PLACE.search(text)
    if place is None or unquote(place[1].removeprefix("file://")) != path:
        return False
    with open(path, encoding="utf-8") as file:
        lines = file.read().rstrip("\n").split("\n")
    return int(place[2]) >= len(lines) and lines[-1].startswith("import * as coral ")


def _found(text: str, specifier: str | None, folder: str) -> tuple[type[CoralError], str, str] | None:
    """Returns the kind of error, what is imported and the hint."""
    quoted = re.match(r"""[^"'\n]*["']([^"'\n]*)["']""", text)
    named = "" if quoted is None else quoted[1]
    if text.startswith('Unsupported scheme "coral-denied"'):
        address = re.search(re.escape(DENIED_SCHEME) + r'([^"\n]*)', text)
        return denied("/" + unquote("" if address is None else address[1]), folder)
    if text.startswith("Module not found"):
        return ScriptError, f"{unquote(named.removeprefix('file://'))}, which does not exist", _SPELLING
    if text.startswith("Import ") and "not a dependency" in text:
        if 'add a "node:" prefix' in text:
            return ScriptError, f"{named}, which is a module of Node.js", f"write node:{named}"
        return DeniedError, f"the package {named}", _NO_PACKAGES
    if text.startswith(("npm specifiers", "JSR package")):
        return DeniedError, f"the package {specifier or named}".rstrip(), _NO_PACKAGES
    if text.startswith("Requires import access"):
        return DeniedError, specifier or named, _NO_NETWORK
    if text.startswith("Unsupported scheme"):
        address = re.search(r'module "([^"\n]*)"', text)
        what = specifier or ("" if address is None else address[1])
        if named == "node":
            return ScriptError, f"{what}, which is no module of Node.js", "such as node:path"
        return DeniedError, f"{what}, an address that nothing is loaded from", ALLOWED
    if text.startswith("[ERR_UNSUPPORTED_DIR_IMPORT]"):
        return ScriptError, f"{unquote(named.removeprefix('file://'))}, which is a folder", _FOLDER
    return None


def denied(path: str, folder: str) -> tuple[type[CoralError], str, str]:
    """Says why a path is refused: the kind of error, the path with its reason, and the hint."""
    if not path.startswith(folder.rstrip("/") + "/"):
        return DeniedError, f"{path}, which is outside its folder", ALLOWED
    if not os.path.lexists(path):
        return ScriptError, f"{path}, which does not exist", _SPELLING
    if os.path.isdir(path) and not os.path.islink(path):
        return ScriptError, f"{path}, which is a folder", _FOLDER
    return DeniedError, f"{path}, which scripts may not read", LEFT_OUT


def _specifier(path: str, place: re.Match[str] | None) -> str | None:
    """Returns what stands in quotes at a place of a file, which Deno does not always name."""
    if place is None:
        return None
    try:
        # The text names the path: it may be anything.
        text = read_bounded(path, path, most_bytes=MAX_SCRIPT_BYTES, hint="", errors="replace")
        line = text.split("\n")[int(place[2]) - 1]
    except (CoralError, IndexError):
        return None
    found = _QUOTED.match(line[int(place[3]) - 1 :])
    return None if found is None else found[2]
