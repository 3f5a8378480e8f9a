"""`coral colony`: start a colony."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from coral.cli.options import ready_option, verbose_option
from coral.config.paths import state_dir
from coral.model.durations import parse_duration_ns
from coral.ports import COLONY_GRPC


@click.group()
def colony() -> None:
    """Run a colony, which keeps a fleet's summaries and answers queries."""


@colony.command()
@click.option(
    "--listen",
    metavar="HOST:PORT",
    default=f"127.0.0.1:{COLONY_GRPC}",
    show_default=True,
    envvar="CORAL_COLONY_LISTEN",
    show_envvar=True,
    help="Address to serve gRPC on; port 0 picks a free one.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=lambda: Path(state_dir()) / "colony",
    show_default="coral/colony in the XDG state directory",
    envvar="CORAL_COLONY_DATA",
    show_envvar=True,
    help="Data directory; made when missing.",
)
@click.option(
    "--idle-exit", metavar="DURATION", help="Stop after this long without calls and agents, like 30m."
)
@ready_option
@verbose_option
def start(listen: str, data: Path, idle_exit: str | None, output: str, verbose: bool) -> None:
    """Start a colony and serve until SIGTERM or Ctrl-C."""
    from coral.colony.server import ColonyOptions, serve_colony
    from coral.serve.lifecycle import log_to_stderr

    log_to_stderr(verbose=verbose)
    options = ColonyOptions(
        listen=listen,
        data=data,
        idle_exit=None if idle_exit is None else parse_duration_ns(idle_exit) / 1e9,
    )
    asyncio.run(serve_colony(options, as_json=output == "json"))
