"""Reads the attacks of `scripts/` and lays them out on disk.

An attack is one TypeScript file, `scripts/CLASS/NAME.ts`. Lines `//= KEY: VALUE` say how to run it:

| key        | value                                                                                       |
|------------|---------------------------------------------------------------------------------------------|
| `wants`    | what it is after, in a sentence; required                                                   |
| `main`     | the script's file name, where it is not `attack.ts`                                          |
| `link`     | `NAME -> TARGET`: a symbolic link beside the script; repeatable                              |
| `hardlink` | `NAME -> TARGET`: a hard link beside the script; repeatable                                  |
| `fifo`     | name of a named pipe beside the script                                                       |
| `limit`    | seconds that `coral run --timeout` gives; 10 unless said                                     |
| `flags`    | further flags of `coral run`                                                                 |
| `bare`     | flags of the `deno run` that proves it, where they are not `-A`                              |
| `runs`     | how often it is run in the same folder; the last run has to capture                          |
| `terminal` | `yes`: stdin, stdout and stderr are a terminal                                               |
| `stdin`    | `file`: stdin is a file of the user's                                                        |
| `stdout`   | `file`: stdout is appended to a file of the user's                                           |
| `via`      | `stdin` or `eval`: how the script reaches `coral run`, where it is not as a file              |
| `types`    | what is typed at that terminal, as a Python string without quotes                            |
| `endless`  | `yes`: it succeeds where it is still there 2.5 s after its limit                             |
| `seen`     | it succeeds where its output matches this regular expression                                 |
| `bytes`    | it succeeds where its output is longer than this                                             |
| `remains`  | `landlock`: it gets through where Landlock is off, as `docs/security.md` says                |

Comments `/*= NAME` ... `=*/` are files beside the script (`/*= NAME base64` for bytes). Words between `@`
signs stand for places of the run, everywhere in the file: see `Place`.
"""

from __future__ import annotations

import base64
import codecs
import os
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

SCRIPTS = Path(__file__).parent / "scripts"
CONTROLS = Path(__file__).parent / "controls"
"""What scripts may do. Were these refused, nothing would be shown by attacks that are."""
DEFAULT_LIMIT_SECONDS = 10.0
_DIRECTIVE = re.compile(r"^//= (\w+): (.*)$", re.MULTILINE)
_BESIDE = re.compile(r"^/\*= (\S+)( base64)?\n(.*?)^=\*/\n?", re.MULTILINE | re.DOTALL)
_PLACE = re.compile(r"@(\w+)@")


class CorpusError(Exception):
    """An attack's file cannot be understood."""


@dataclass
class Attack:
    """One attack, as its file says; the fields are the keys of the module's table."""

    kind: str
    name: str
    wants: str = ""
    main: str = "attack.ts"
    links: list[tuple[str, str]] = field(default_factory=list)
    hardlinks: list[tuple[str, str]] = field(default_factory=list)
    fifos: list[str] = field(default_factory=list)
    limit_seconds: float = DEFAULT_LIMIT_SECONDS
    flags: list[str] = field(default_factory=list)
    bare: list[str] = field(default_factory=lambda: ["-A"])
    runs: int = 1
    terminal: bool = False
    stdin: str = ""
    stdout: str = ""
    via: str = ""
    types: bytes = b""
    endless: bool = False
    seen: str | None = None
    over_bytes: int | None = None
    remains: str | None = None
    beside: dict[str, bytes] = field(default_factory=dict)
    text: str = ""

    @property
    def id(self) -> str:
        """Class and name, such as `files/read_passwd`."""
        return f"{self.kind}/{self.name}"

    def lay_out(self, folder: Path, places: dict[str, str]) -> Path:
        """Writes the script and what lies beside it, and returns the script's path.

        Args:
            folder: The script's folder, which exists.
            places: What the words between `@` signs stand for.
        """

        def fill(text: str) -> str:
            return _PLACE.sub(lambda found: places[found[1]] if found[1] in places else found[0], text)

        script = folder / fill(self.main)
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(fill(self.text), encoding="utf-8")
        for name, content in self.beside.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(fill(content.decode()).encode() if _is_text(content) else content)
        for name in self.fifos:
            os.mkfifo(folder / name)
        for make, pairs in ((os.symlink, self.links), (os.link, self.hardlinks)):
            for name, target in pairs:
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                make(fill(target), path)
        return script


def read_corpus(kinds: list[str] | None = None, scripts: Path = SCRIPTS) -> list[Attack]:
    """Reads all attacks, or those of some classes or names, in the order of their names.

    Args:
        kinds: Classes (`files`) or single attacks (`files/read_passwd`).
        scripts: The folder with a folder for each class.

    Raises:
        CorpusError: A file cannot be understood, or a class is unknown.
    """
    attacks = [_read(path) for path in sorted(scripts.glob("*/*.ts"))]
    if not kinds:
        return attacks
    unknown = set(kinds) - {attack.kind for attack in attacks} - {attack.id for attack in attacks}
    if unknown:
        known = ", ".join(sorted({attack.kind for attack in attacks}))
        raise CorpusError(f"there is no class {', '.join(sorted(unknown))}; the classes are {known}")
    return [attack for attack in attacks if attack.kind in kinds or attack.id in kinds]


def _read(path: Path) -> Attack:
    source = path.read_text(encoding="utf-8")
    attack = Attack(path.parent.name, path.stem)
    for name, packed, content in _BESIDE.findall(source):
        attack.beside[name] = base64.b64decode(content) if packed else content.encode()
    source = _BESIDE.sub("", source)
    for key, value in _DIRECTIVE.findall(source):
        if not _apply(attack, key, value.strip()):
            raise CorpusError(f"{path}: unknown key {key}")
    if not attack.wants:
        raise CorpusError(f"{path}: the key wants is missing")
    attack.text = _DIRECTIVE.sub("", source).lstrip("\n")
    return attack


def _apply(attack: Attack, key: str, value: str) -> bool:
    match key:
        case "link" | "hardlink":
            name, arrow, target = value.partition(" -> ")
            if not arrow:
                raise CorpusError(f"{attack.id}: {key} is NAME -> TARGET, not {value!r}")
            (attack.links if key == "link" else attack.hardlinks).append((name, target))
        case "fifo":
            attack.fifos.append(value)
        case "wants" | "seen" | "remains" | "stdin" | "stdout" | "via":
            setattr(attack, key, value)
        case "main":
            attack.main = codecs.decode(value, "unicode_escape")
        case "limit":
            attack.limit_seconds = float(value)
        case "flags" | "bare":
            setattr(attack, key, shlex.split(value))
        case "runs":
            attack.runs = int(value)
        case "bytes":
            attack.over_bytes = int(value)
        case "terminal" | "endless":
            setattr(attack, key, value == "yes")
        case "types":
            attack.types = codecs.decode(value, "unicode_escape").encode()
        case _:
            return False
    return True


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in content
