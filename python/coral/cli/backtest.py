"""`coral backtest`: when a script that watches would have fired."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from coral.cli.errors import report
from coral.cli.options import ColonyFlags, colony_option, output_option, resolve_colony
from coral.cli.output import render_json, render_rows
from coral.cli.replay_options import params_option, read_params
from coral.errors import UsageError
from coral.model.durations import parse_duration_ns
from coral.printing import emit, say, tell

if TYPE_CHECKING:
    from coral.replay.backtest import Backtest

EXIT_CHECKS = 99


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--since", metavar="DURATION", help="How long before the end to start, such as 7d. [default: 1h]"
)
@click.option(
    "--dataset",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A recording, made by coral record. [default: one is taken from the colony]",
)
@click.option("--timeout", metavar="DURATION", help="Real time that it may take. [default: 10m]")
@params_option
@colony_option
@output_option()
def backtest(
    file: Path,
    since: str | None,
    dataset: Path | None,
    timeout: str | None,
    params: tuple[str, ...],
    colony: ColonyFlags,
    output: str,
) -> int:
    """Run the script FILE on what has been, and print when it would have fired.

    Its clock starts in the past and jumps from wait to wait, to the end of the recording.
    It sees what was known then. What it emits is kept here, and stored nowhere.

    \b
    coral backtest alert.ts --since 7d
    coral backtest alert.ts --dataset incident.duckdb -o json
    """
    from coral.replay.backtest import backtest as replay
    from coral.replay.hosting import RecordingHost
    from coral.script_limits import BACKTEST_SECONDS

    if dataset is not None and colony != ColonyFlags():
        raise UsageError("--dataset and --colony are both given", hint="ask one of them")
    if not file.is_file():
        raise UsageError(f"there is no script {file}", hint="coral backtest alert.ts")
    length = None if since is None and dataset is not None else _length("--since", since or "1h")
    values, texts = read_params(params)
    limit = BACKTEST_SECONDS if timeout is None else _length("--timeout", timeout).total_seconds()
    with _recording(dataset, colony, length) as path, RecordingHost(path) as host:
        found = replay(host, file, since=length, params=values, texts=texts, time_limit=limit)
    emit(_render(found, output))
    if output != "json":
        times = "once" if found.fired == 1 else f"{found.fired} times"
        tell(f"fired {times} from {_text(found.start)} to {_text(found.end)}")
    if found.checks:
        report(found.checks.splitlines()[-1], None)
        return EXIT_CHECKS
    return 0


@contextlib.contextmanager
def _recording(dataset: Path | None, colony: ColonyFlags, length: timedelta | None) -> Iterator[Path]:
    if dataset is not None:
        yield dataset
        return
    from coral.client.colony import ColonyClient
    from coral.replay.record import record

    assert length is not None
    with tempfile.TemporaryDirectory(prefix="coral-backtest-") as folder:
        path = Path(folder, "recording.duckdb")
        found = resolve_colony(colony)
        with ColonyClient(found.address, found.access) as client:
            say("recording from the colony")
            record(client, path, since=length)
        yield path


def _render(found: Backtest, output: str) -> str:
    from coral.replay.backtest import Entry

    def row(entry: Entry) -> tuple[object, ...]:
        return (entry.time, entry.kind, entry.name, entry.severity or None, entry.text)

    if output == "json":
        return render_json(
            {
                "start": found.start,
                "end": found.end,
                "fired": found.fired,
                "checks_failed": bool(found.checks),
                "entries": [
                    dict(zip(("time", "kind", "name", "severity", "text"), row(entry), strict=True))
                    for entry in found.entries
                ],
            }
        )
    columns = [
        ("time", "TIMESTAMP"),
        ("kind", "VARCHAR"),
        ("name", "VARCHAR"),
        ("severity", "VARCHAR"),
        ("text", "VARCHAR"),
    ]
    return render_rows(output, columns, [row(entry) for entry in found.entries])


def _text(time: object) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S}Z"


def _length(option: str, text: str) -> timedelta:
    nanoseconds = parse_duration_ns(text)
    if nanoseconds <= 0:
        raise UsageError(f"{option} is {text}, expected more than nothing", hint="for example 7d")
    return timedelta(microseconds=nanoseconds / 1000)
