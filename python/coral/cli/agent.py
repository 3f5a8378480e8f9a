"""`coral agent`: start an agent, look at its data directory."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import click

from coral.cli.options import output_option, ready_option, verbose_option
from coral.cli.output import render_json, render_rows
from coral.config.paths import state_dir
from coral.errors import UsageError
from coral.model.durations import parse_duration_ns
from coral.ports import OTLP_GRPC, OTLP_HTTP


@click.group()
def agent() -> None:
    """Run an agent, which receives OTLP and sends summaries to a colony."""


@agent.command()
@click.option(
    "--colony",
    metavar="HOST:PORT",
    envvar="CORAL_COLONY",
    show_envvar=True,
    help="The colony to send to; without one, data stay on this machine.",
)
@click.option(
    "--otlp-grpc",
    metavar="HOST:PORT",
    default=f"127.0.0.1:{OTLP_GRPC}",
    show_default=True,
    envvar="CORAL_OTLP_GRPC",
    show_envvar=True,
    help="Address to receive OTLP/gRPC on; port 0 picks a free one.",
)
@click.option(
    "--otlp-http",
    metavar="HOST:PORT",
    default=f"127.0.0.1:{OTLP_HTTP}",
    show_default=True,
    envvar="CORAL_OTLP_HTTP",
    show_envvar=True,
    help="Address to receive OTLP/HTTP on; port 0 picks a free one.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=lambda: Path(state_dir()) / "agent",
    show_default="coral/agent in the XDG state directory",
    envvar="CORAL_AGENT_DATA",
    show_envvar=True,
    help="Data directory; made when missing.",
)
@click.option(
    "--id",
    "agent_id",
    metavar="ID",
    default=socket.gethostname,
    show_default="the host's name",
    envvar="CORAL_AGENT_ID",
    show_envvar=True,
    help="The agent's id, unique in the fleet.",
)
@click.option("--label", "labels", metavar="K=V", multiple=True, help="A label for targeting; repeatable.")
@click.option(
    "--rollup-interval", metavar="DURATION", default="2s", show_default=True, help="Time between summaries."
)
@click.option(
    "--host-interval", metavar="DURATION", default="5s", show_default=True, help="Time between host samples."
)
@ready_option
@verbose_option
def start(
    colony: str | None,
    otlp_grpc: str,
    otlp_http: str,
    data: Path,
    agent_id: str,
    labels: tuple[str, ...],
    rollup_interval: str,
    host_interval: str,
    output: str,
    verbose: bool,
) -> None:
    """Start an agent and serve until SIGTERM or Ctrl-C."""
    from coral.agent.server import AgentOptions, serve_agent
    from coral.config.address import parse_address
    from coral.serve.lifecycle import log_to_stderr

    log_to_stderr(verbose=verbose)
    if colony is not None:
        parse_address(colony)
    if not 1 <= len(agent_id) <= 128:
        raise UsageError(f"--id has {len(agent_id)} characters, expected 1 to 128", hint="try --id web-1")
    options = AgentOptions(
        colony=colony,
        otlp_grpc=otlp_grpc,
        otlp_http=otlp_http,
        data=data,
        agent_id=agent_id,
        labels=_labels(labels),
        rollup_interval=_seconds(rollup_interval, "--rollup-interval"),
        host_interval=_seconds(host_interval, "--host-interval"),
    )
    asyncio.run(serve_agent(options, as_json=output == "json"))


@agent.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=lambda: Path(state_dir()) / "agent",
    show_default="coral/agent in the XDG state directory",
    envvar="CORAL_AGENT_DATA",
    show_envvar=True,
    help="The agent's data directory.",
)
@output_option()
def status(data: Path, output: str) -> None:
    """Show what an agent has stored; it may be running or stopped."""
    from coral.agent.status import read_status

    found = read_status(data)
    if output == "json":
        click.echo(render_json(found), nl=False)
    else:
        rows = [(name, value) for name, value in found.items()]
        click.echo(render_rows(output, [("name", "VARCHAR"), ("value", "VARCHAR")], rows), nl=False)


def _labels(texts: tuple[str, ...]) -> dict[str, str]:
    labels = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(f"--label {text!r} is not K=V", hint="for example --label region=us-east")
        labels[key] = value
    return labels


def _seconds(text: str, option: str) -> float:
    seconds = parse_duration_ns(text) / 1e9
    if seconds < 0.01:
        raise UsageError(f"{option} is {text}, expected at least 10ms")
    return seconds
