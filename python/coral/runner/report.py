"""`coral run --html FILE`: a page with what a script printed, drew and handed over.

The script may write no file. Its records come between the lines of its output (`report.js`), a process of
ours takes them out (`record`), and when the script has ended they are put into the page that was built with
the SDK. Nothing in them is trusted: they are data in the page, which makes text of them and nothing else.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime

from coral import __version__
from coral.errors import CoralError, RuntimeMissingError, StorageError, UsageError
from coral.printing import say
from coral.runner.places import report_page
from coral.runner.process import Ended
from coral.runner.record import record
from coral.runner.relay import Relay
from coral.runner.script import Job
from coral.script_limits import REPORT_BYTES

_DATA = "<!-- data -->"


def require_place(path: str) -> None:
    """Makes sure, before a script runs, that its report can be written.

    Raises:
        UsageError: It names a folder, or the script.
        StorageError: Its folder does not exist or cannot be written.
    """
    folder = os.path.dirname(os.path.abspath(path))
    if not path or os.path.isdir(path) or path.endswith("/"):
        raise UsageError(
            f"--html {path or repr(path)} is a folder, expected a file", hint="for example --html report.html"
        )
    if path.endswith((".ts", ".mts", ".js", ".mjs")):
        raise UsageError(f"--html {path} would replace a script", hint="for example --html report.html")
    if not os.path.isdir(folder):
        raise StorageError(f"{path} cannot be written: there is no folder {folder}", hint="make it first")
    if not os.access(folder, os.W_OK | os.X_OK) or (os.path.exists(path) and not os.path.isfile(path)):
        raise StorageError(
            f"{path} cannot be written", hint="choose a file in a folder that you may write to"
        )


def reported(job: Job, word: str, run: Callable[[], Ended]) -> Ended:
    """Runs a script and writes its report, however it ends.

    Args:
        job: What is run; its `html` is the report's file.
        word: What records stand after.
        run: Starts the script and waits for it.

    Returns:
        How it ended; with `report_failure` where the report cannot be written.
    """
    assert job.html is not None
    begun, start = datetime.now(UTC), time.monotonic()
    with tempfile.TemporaryFile() as kept:
        with Relay([1, 2], lambda routes: record(routes, word, kept, REPORT_BYTES)):
            ended = run()
        kept.seek(0)
        records, damaged = _read(kept.read())
    about: dict[str, object] = {
        "script": job.source.shown,
        "colony": job.colony,
        "params": job.params,
        "started": begun.isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - start, 3),
        "outcome": _outcome(ended),
        "failed": ended.code != 0 or ended.timed_out,
        "version": __version__,
        "limitBytes": REPORT_BYTES,
        "damaged": damaged,
    }
    try:
        _write(job.html, page(about, records))
    except CoralError as error:
        ended.report_failure = error
    else:
        if not job.quiet:
            say(f"wrote {job.html}")
    return ended


def page(about: dict[str, object], records: list[str]) -> str:
    """Returns the whole page.

    Args:
        about: What is said of the run.
        records: What is shown, in its order, each as JSON.
    """
    with open(report_page(), encoding="utf-8") as file:
        head, mark, tail = file.read().partition(_DATA)
    if not mark:
        raise RuntimeMissingError(f"{report_page()} is damaged", hint="reinstall the package coral")
    text = f'{{"about": {json.dumps(about, allow_nan=False)}, "records": [{", ".join(records)}]}}'
    # Within a script element nothing may look like markup.
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f'{head}<script type="application/json" id="data">{text}</script>{tail}'


def _read(lines: bytes) -> tuple[list[str], int]:
    records: list[str] = []
    damaged = 0
    for line in lines.splitlines():
        try:
            # NaN is no JSON; who writes it anyway gets no page that cannot be read.
            found = json.loads(line, parse_constant=lambda _: None)
            if not isinstance(found, dict) or not isinstance(found.get("kind"), str):
                raise ValueError("no record")
            # Written anew: what has no end or too many levels fails here, and here only.
            records.append(json.dumps(found, allow_nan=False))
        except (ValueError, RecursionError):
            damaged += 1
    return records, damaged


def _outcome(ended: Ended) -> str:
    if ended.timed_out:
        return "stopped at its time limit"
    if ended.exceeded is not None:
        return f"stopped at its {ended.exceeded} limit"
    return f"exit code {ended.code}"


def _write(path: str, text: str) -> None:
    """Writes a file, as a whole or not at all."""
    folder = os.path.dirname(os.path.abspath(path))
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{os.path.basename(path)}.", dir=folder)
        try:
            with open(descriptor, "w", encoding="utf-8", errors="replace") as file:
                file.write(text)
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(temporary, 0o666 & ~mask)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error.strerror}",
            hint="choose a file in a folder that you may write to",
        ) from None
