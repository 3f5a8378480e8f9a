"""`coral test`: scripts on a recording with a virtual clock, against their checks and their golden output."""

from __future__ import annotations

import difflib
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from coral.config.bounded_file import read_bounded
from coral.errors import CoralError, NoDataError, UsageError
from coral.replay.hosting import RecordingHost
from coral.replay.run import Ended, Spec, run_apart
from coral.script_limits import SCRIPT_OUTPUT_BYTES, SCRIPT_SECONDS, VIRTUAL_SECONDS

EXPECTED: Final = ".expected"
"""Suffix of the golden output: `check.ts` has `check.expected`."""

_ENDINGS: Final = (".ts", ".js", ".mts", ".mjs")
_MARKED: Final = ("_test", ".test")
_SHOWN_LINES: Final = 40
_CHECKS_FAILED: Final = 99


@dataclass(frozen=True)
class Options:
    """How to run the scripts.

    Attributes:
        at: When the scripts' clock starts, UTC; None for the end of the recording.
        length: Virtual seconds after which a script is ended, as if it had ended itself; None: it must end
            itself within `VIRTUAL_SECONDS`.
        update: Whether golden output is written instead of compared.
        time_limit: Real seconds for each script.
        params: Parameters of every script.
        texts: Those that were typed, as they were typed.
    """

    at: datetime | None = None
    length: float | None = None
    update: bool = False
    time_limit: float = SCRIPT_SECONDS
    params: dict[str, Any] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """What came of one script.

    Attributes:
        script: The script.
        seconds: Real time that it took.
        problems: Why it failed, several lines each; empty when it passed.
        updated: Whether its golden output was written.
    """

    script: Path
    seconds: float
    problems: tuple[str, ...]
    updated: bool = False


def find_scripts(paths: Sequence[Path]) -> list[Path]:
    """The scripts to test: those that are named, and of folders those with a golden output or named `*_test`.

    Raises:
        NoDataError: A path is not there, or no script is found.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += [file for file in sorted(path.rglob("*")) if _is_test(path, file)]
        elif path.is_file():
            found.append(path)
        else:
            raise NoDataError(f"{path} does not exist", hint="name scripts, or a folder with scripts")
    if not found:
        raise NoDataError(
            f"no script to test in {', '.join(str(path) for path in paths)}",
            hint="of a folder those are run that are named *_test.ts, or have a file *.expected beside them:"
            " coral test SCRIPT --update writes one",
        )
    return list(dict.fromkeys(found))


def find_dataset(named: Path | None, scripts: Sequence[Path]) -> Path:
    """The recording: the one that is named, else the only one beside the scripts.

    Raises:
        UsageError: It must be named.
    """
    if named is not None:
        return named
    folders = dict.fromkeys(script.parent for script in scripts)
    beside = sorted(path for folder in folders for path in folder.glob("*.duckdb"))
    if len(beside) != 1:
        what = "none lies" if not beside else f"{len(beside)} lie"
        raise UsageError(
            f"which recording is meant is not said, and {what} beside the scripts",
            hint="add --dataset FILE; coral record FILE makes one",
        )
    return beside[0]


def run_suite(host: RecordingHost, scripts: Sequence[Path], options: Options) -> Iterator[Result]:
    """Runs scripts one after the other.

    Args:
        host: The recording.
        scripts: From `find_scripts`.
        options: How.
    """
    start = options.at or host.recorded_at
    for script in scripts:
        begun = time.monotonic()
        with host.run(script.name) as served:
            spec = Spec(
                str(script),
                served.socket,
                served.token,
                at=_seconds(start),
                until=_seconds(start) + (VIRTUAL_SECONDS if options.length is None else options.length),
                must_end=options.length is None,
                time_limit=options.time_limit,
                params=options.params,
                texts=options.texts,
            )
            ended = run_apart(spec)
        problems, updated = _judge(script, ended, options.update)
        yield Result(script, time.monotonic() - begun, tuple(problems), updated)


def _judge(script: Path, ended: Ended, update: bool) -> tuple[list[str], bool]:
    problems = []
    if ended.code != 0:
        said = ended.stderr.strip()
        how = "" if ended.code == _CHECKS_FAILED and said else f"ended with exit code {ended.code}"
        problems.append("\n".join(part for part in (how, said) if part))
    expected = script.with_suffix(EXPECTED)
    try:
        wanted = _golden(expected)
    except CoralError as error:
        return [*problems, error.message], False
    if update:
        if problems or wanted == ended.stdout:
            return problems, False
        _replace(expected, ended.stdout)
        return problems, True
    if wanted is not None and wanted != ended.stdout:
        problems.append(_difference(expected.name, wanted, ended.stdout))
    return problems, False


def _golden(path: Path) -> str | None:
    """The golden output, as large as a script's may be; None where there is none."""
    if not path.exists():
        return None
    text = read_bounded(
        str(path),
        f"the golden output {path.name}",
        most_bytes=SCRIPT_OUTPUT_BYTES,
        hint="--update writes it anew",
    )
    return text.replace("\r\n", "\n")


def _replace(path: Path, text: str) -> None:
    """Writes it as a whole; a link of that name is replaced, not followed."""
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _difference(name: str, wanted: str, got: str) -> str:
    lines = list(
        difflib.unified_diff(wanted.splitlines(), got.splitlines(), name, "this run", lineterm="", n=1)
    )
    if len(lines) > _SHOWN_LINES:
        lines = [*lines[:_SHOWN_LINES], f"... and {len(lines) - _SHOWN_LINES} more lines"]
    if not lines:
        lines = ["only the ends of lines differ"]
    return "\n".join([f"the output is not that of {name} (--update accepts it):", *lines])


def _is_test(folder: Path, file: Path) -> bool:
    if file.suffix not in _ENDINGS or not file.is_file():
        return False
    if any(part.startswith(".") or part == "node_modules" for part in file.relative_to(folder).parts):
        return False
    return file.stem.endswith(_MARKED) or file.with_suffix(EXPECTED).exists()


def _seconds(time_: datetime) -> float:
    return time_.replace(tzinfo=UTC).timestamp()
