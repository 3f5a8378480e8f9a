"""`coral test`: scripts on a recording, held against their checks and their golden output."""

from __future__ import annotations

from pathlib import Path

import click

from coral.cli.replay_options import params_option, read_params, read_time
from coral.errors import UsageError
from coral.model.durations import parse_duration_ns
from coral.printing import show_lines

EXIT_CHECKS = 99


@click.command()
@click.argument(
    "paths", nargs=-1, required=True, metavar="FILE_OR_FOLDER...", type=click.Path(path_type=Path)
)
@click.option(
    "--dataset",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The recording, made by coral record. [default: the only *.duckdb beside the scripts]",
)
@click.option(
    "--at", metavar="TIME", help="When the scripts run, such as 2026-11-23T12:00:00Z. [default: its end]"
)
@click.option(
    "--for",
    "length",
    metavar="DURATION",
    help="End each script after that much of its own time. [default: it must end by itself within 24h of it]",
)
@click.option(
    "--update", is_flag=True, help="Write what the scripts print to *.expected instead of comparing."
)
@click.option("--timeout", metavar="DURATION", help="Real time for each script. [default: 60s]")
@params_option
def test(
    paths: tuple[Path, ...],
    dataset: Path | None,
    at: str | None,
    length: str | None,
    update: bool,
    timeout: str | None,
    params: tuple[str, ...],
) -> int:
    """Test scripts on a recording, with a clock of its own that waits for nothing.

    A script passes when it ends with 0, no check of coral.assert or coral.threshold has failed, and its
    output is that of the file SCRIPT.expected, where there is one. Of a folder those are run that are named
    *_test.ts or have such a file. Date, timers, windows and now() in SQL are the recording's.

    \b
    coral test report.ts --dataset incident.duckdb --update
    coral test checks/
    """
    from coral.replay.hosting import RecordingHost
    from coral.replay.suite import Options, find_dataset, find_scripts, run_suite
    from coral.script_limits import SCRIPT_SECONDS

    values, texts = read_params(params)
    options = Options(
        at=None if at is None else read_time(at),
        length=None if length is None else _seconds("--for", length),
        update=update,
        time_limit=SCRIPT_SECONDS if timeout is None else _seconds("--timeout", timeout),
        params=values,
        texts=texts,
    )
    scripts = find_scripts(paths)
    failed = 0
    with RecordingHost(find_dataset(dataset, scripts)) as host:
        for result in run_suite(host, scripts, options):
            failed += bool(result.problems)
            how = "FAIL" if result.problems else "ok"
            more = ", golden output written" if result.updated else ""
            show_lines(f"{how:<5} {result.script} ({result.seconds:.2f} s{more})")
            for problem in result.problems:
                for line in problem.splitlines():
                    show_lines(f"      {line}".rstrip())
    show_lines(f"{len(scripts) - failed} passed, {failed} failed")
    return EXIT_CHECKS if failed else 0


def _seconds(option: str, text: str) -> float:
    nanoseconds = parse_duration_ns(text)
    if nanoseconds <= 0:
        raise UsageError(f"{option} is {text}, expected more than nothing", hint="for example 10m")
    return nanoseconds / 1e9
