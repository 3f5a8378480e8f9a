"""`coral agent`: start an agent, check its configuration, look at its data directory."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from coral.cli.options import data_option, output_option, ready_option, verbose_option
from coral.cli.output import render_json, render_rows
from coral.cli.settings import (
    config_options,
    find_file,
    print_check,
    read_settings,
    self_telemetry_of,
    settings_options,
)
from coral.config.agent_file import AGENT_SETTINGS, FILE_ENV, default_agent_file
from coral.errors import refuse_on_windows
from coral.limits import MAX_BURST_HZ
from coral.model.durations import parse_duration_ns
from coral.printing import emit, tell


@click.group()
def agent() -> None:
    """Run an agent, which receives OTLP and sends summaries to a colony."""


@agent.command()
@settings_options(AGENT_SETTINGS)
@config_options("agent", FILE_ENV)
@ready_option
@verbose_option
def start(config: Path | None, no_config: bool, output: str, verbose: bool, **flags: Any) -> None:
    """Start an agent and serve until SIGTERM or Ctrl-C.

    A flag wins over its environment variable, that over the configuration file.
    """
    refuse_on_windows("agents", "run it on Linux, or in WSL")
    file = find_file(config, no_config=no_config, variable=FILE_ENV, default=default_agent_file())
    found = read_settings(AGENT_SETTINGS, flags, file=file, verbose=verbose)

    from coral.serve.memory import bound_allocator

    bound_allocator()  # before pyarrow is imported

    from coral.agent.rollup.cardinality import NameLimits
    from coral.agent.server import AgentOptions, serve_agent
    from coral.serve.lifecycle import run_server
    from coral.serve.logs import configure_logs

    configure_logs(level=found["log.level"], style=found["log.format"])
    options = AgentOptions(
        colony=found["colony"],
        fleet=found["fleet"],
        otlp_grpc=found["otlp.grpc"],
        otlp_http=found["otlp.http"],
        data=found["data"],
        agent_id=found["id"],
        labels=found["labels"],
        rollup_interval=found["rollup_interval"],
        host_interval=found["host_interval"],
        retention=timedelta(seconds=found["retention"]),
        max_buffer_bytes=found["max_buffer_bytes"],
        functions=found["functions"],
        max_data_bytes=found["max_data_bytes"],
        names=NameLimits(
            services=found["limits.services"],
            operations_per_service=found["limits.operations_per_service"],
            operations=found["limits.operations"],
        ),
        metrics=found["metrics"],
        self_telemetry=self_telemetry_of(found),
        tls_ca=found["tls_ca"],
        token_file=found["token_file"],
    )
    run_server(serve_agent(options, as_json=output == "json"))


@agent.command("check-config")
@click.argument("file", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Choice(("yaml", "json")),
    default="yaml",
    show_default=True,
    help="How to print it.",
)
def check_config(file: Path | None, output: str) -> int:
    """Check agent.yaml, and print what holds and where each value comes from.

    Ends with 78 when something cannot be used; all of it is listed.
    """
    named = find_file(file, no_config=False, variable=FILE_ENV, default=default_agent_file())
    return print_check(AGENT_SETTINGS, named, output)


@agent.command()
@click.option(
    "--hz",
    type=float,
    default=100.0,
    show_default=True,
    help=f"Samples per second, at most {MAX_BURST_HZ:g}.",
)
@click.option("--for", "period", metavar="DURATION", default="10s", show_default=True, help="How long.")
@data_option("agent", "CORAL_AGENT_DATA")
def sample(hz: float, period: str, data: Path) -> None:
    """Let a running agent sample its host faster for a while.

    The samples are rows of system_metrics_local.
    """
    from coral.agent.control import ask_agent

    seconds = parse_duration_ns(period) / 1e9
    ask_agent(data, {"do": "sample", "hz": hz, "seconds": seconds})
    tell(f"sampling at {hz:g} Hz for {period}")


@agent.command()
@data_option("agent", "CORAL_AGENT_DATA")
@output_option()
def status(data: Path, output: str) -> None:
    """Show what an agent has stored; it may be running or stopped."""
    from coral.agent.status import read_status

    found = read_status(data)
    if output == "json":
        emit(render_json(found))
    else:
        rows = [(name, value) for name, value in found.items()]
        emit(render_rows(output, [("name", "VARCHAR"), ("value", "VARCHAR")], rows))
