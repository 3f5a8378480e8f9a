"""Options that several commands share, and what follows from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from coral.cli.output import FORMATS

_Command = TypeVar("_Command", bound=Callable[..., Any])


def colony_option(command: _Command) -> _Command:
    """Adds `--colony HOST:PORT`; hand its value to `resolve_colony`, which also knows `CORAL_COLONY`."""
    option = click.option(
        "--colony",
        metavar="HOST:PORT",
        help="Address of the colony. [environment: CORAL_COLONY; default: the local colony]",
    )
    return option(command)


def output_option(*, default: str = "table") -> Callable[[_Command], _Command]:
    """Adds `-o/--output json|csv|table`; its value is named `output`."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(FORMATS),
        default=default,
        show_default=True,
        help="How to print the answer.",
    )


def ready_option(command: _Command) -> _Command:
    """Adds `-o text|json` of servers: how they say that they are ready; its value is named `output`."""
    option = click.option(
        "-o",
        "--output",
        type=click.Choice(("text", "json")),
        default="text",
        show_default=True,
        help="How to say that it is ready: a line on stderr, or one JSON object on stdout.",
    )
    return option(command)


def data_option(program: str, variable: str) -> Callable[[_Command], _Command]:
    """Adds `--data DIRECTORY`: the data directory of an agent or a colony; its value is named `data`."""

    def default() -> Path:
        from coral.config.paths import state_dir

        return Path(state_dir()) / program

    return click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        default=default,
        show_default=f"coral/{program} in the XDG state directory",
        envvar=variable,
        show_envvar=True,
        help=f"The {program}'s data directory.",
    )


def verbose_option(command: _Command) -> _Command:
    """Adds `-v`; its value is named `verbose`."""
    return click.option("-v", "--verbose", is_flag=True, help="Say more on stderr: --log-level info.")(
        command
    )


def resolve_colony(flag: str | None) -> str:
    """Returns the colony to talk to, see `coral.embedded.resolve`."""
    from coral.embedded.resolve import resolve_colony as resolve

    return resolve(flag)
