"""`coral colony`: start a colony, check its configuration."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from coral.cli.options import ready_option, verbose_option
from coral.cli.settings import (
    config_options,
    find_file,
    print_check,
    read_settings,
    self_telemetry_of,
    settings_options,
)
from coral.config.colony_file import COLONY_SETTINGS, FILE_ENV, TABLE_AGES, TIER_AGES, default_colony_file
from coral.errors import refuse_on_windows


@click.group()
def colony() -> None:
    """Run a colony, which keeps a fleet's summaries and answers queries."""


@colony.command()
@settings_options(COLONY_SETTINGS)
@config_options("colony", FILE_ENV)
@ready_option
@verbose_option
def start(config: Path | None, no_config: bool, output: str, verbose: bool, **flags: Any) -> None:
    """Start a colony and serve until SIGTERM or Ctrl-C.

    A flag wins over its environment variable, that over the configuration file.
    """
    refuse_on_windows("colonies", "run it on Linux, or in WSL")
    file = find_file(config, no_config=no_config, variable=FILE_ENV, default=default_colony_file())
    found = read_settings(COLONY_SETTINGS, flags, file=file, verbose=verbose)

    from coral.colony.security import SecurityOptions
    from coral.colony.server import ColonyOptions, serve_colony
    from coral.model.redaction import Redaction
    from coral.query_limits import QueryLimits
    from coral.serve.lifecycle import run_server
    from coral.serve.logs import configure_logs

    configure_logs(level=found["log.level"], style=found["log.format"])
    options = ColonyOptions(
        listen=found["listen"],
        fleet_listen=found["fleet_listen"],
        data=found["data"],
        idle_exit=found["idle_exit"],
        retention=timedelta(seconds=found["retention.default"]),
        retention_by_table={
            table: timedelta(seconds=age)
            for table in (*TIER_AGES, *TABLE_AGES)
            if (age := found[f"retention.{table}"]) is not None
        },
        max_data_bytes=found["max_data_bytes"],
        metrics=found["metrics"],
        self_telemetry=self_telemetry_of(found),
        security=SecurityOptions(
            tls_cert=found["tls_cert"], tls_key=found["tls_key"], token_file=found["token_file"]
        ),
        redaction=Redaction(found["redact"]),
        queries=QueryLimits(
            **{
                name: found[f"query.{name}"]
                for name in (field.name for field in dataclasses.fields(QueryLimits))
            }
        ),
    )
    run_server(serve_colony(options, as_json=output == "json"))


@colony.command("check-config")
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
    """Check colony.yaml, and print what holds and where each value comes from.

    Ends with 78 when something cannot be used; all of it is listed.
    """
    named = find_file(file, no_config=False, variable=FILE_ENV, default=default_colony_file())
    return print_check(COLONY_SETTINGS, named, output)
