"""Options that several commands share, and what follows from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import click
from click.shell_completion import CompletionItem

from coral.cli.output import FORMATS
from coral.config.access import Colony

_Command = TypeVar("_Command", bound=Callable[..., Any])


# Whether it can be read is said by who reads it; the type is what shells complete by.
FILE = click.Path(readable=False)


def complete_authority(ctx: click.Context, _: click.Parameter, typed: str) -> list[CompletionItem]:
    """Completes `--tls-ca`: a file, or `system`."""
    files = CompletionItem(typed, type="file")
    return [CompletionItem("system"), files] if typed and "system".startswith(typed) else [files]


@dataclass(frozen=True)
class ColonyFlags:
    """What the command line says of the colony: `--colony`, `--tls-ca`, `--token-file`."""

    address: str | None = None
    tls_ca: str | None = None
    token_file: str | None = None


def raw_colony_options(command: _Command) -> _Command:
    """Adds `--colony`, `--tls-ca` and `--token-file`, each with a value of its own."""
    for option in (
        click.option(
            "--token-file",
            metavar="FILE",
            type=FILE,
            help="File that holds your token for the colony. [environment: CORAL_TOKEN_FILE]",
        ),
        click.option(
            "--tls-ca",
            metavar="FILE|system",
            type=FILE,
            shell_complete=complete_authority,
            help="Certificate authority of a colony that speaks TLS, PEM. [environment: CORAL_TLS_CA]",
        ),
        click.option(
            "--colony",
            metavar="HOST:PORT",
            help="Address of the colony. [environment: CORAL_COLONY; default: the local colony]",
        ),
    ):
        command = option(command)
    return command


def colony_option(command: _Command) -> _Command:
    """Adds the same options as one value, `colony`: hand it to `resolve_colony`."""

    @wraps(command)
    def with_colony(
        *args: Any, colony: str | None, tls_ca: str | None, token_file: str | None, **rest: Any
    ) -> Any:
        return command(*args, colony=ColonyFlags(colony, tls_ca, token_file), **rest)

    return cast(_Command, raw_colony_options(with_colony))


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


def resolve_colony(flags: ColonyFlags) -> Colony:
    """Returns the colony to talk to, see `coral.embedded.resolve`."""
    from coral.embedded.resolve import resolve_colony as resolve

    return resolve(flags.address, tls_ca=flags.tls_ca, token_file=flags.token_file)
