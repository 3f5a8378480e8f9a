"""What the commands on recordings share: parameters of scripts, and points in time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click

from coral.errors import UsageError

_Command = Callable[..., Any]


def params_option(command: _Command) -> _Command:
    """Adds `-p NAME=VALUE`; its value is named `params`."""
    return click.option(
        "-p",
        "--param",
        "params",
        metavar="NAME=VALUE",
        multiple=True,
        help="A parameter, which scripts read as coral.params.NAME. Repeatable.",
    )(command)


def read_params(params: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, str]]:
    """The typed values and the texts of `-p`."""
    from coral.runner.params import parse_params, split_params

    return dict(parse_params(list(params))), split_params(list(params))


def read_time(text: str) -> datetime:
    """A point in time, UTC unless it says otherwise.

    Raises:
        UsageError: It is none.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no point in time", hint="write it as 2026-11-23T12:00:00Z") from None
    return time if time.tzinfo is None else time.astimezone(UTC).replace(tzinfo=None)
