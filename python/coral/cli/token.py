"""`coral token`: make, list and revoke the tokens of a colony, in the file that it reads."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from coral.cli.errors import report_note
from coral.cli.output import render_json, render_rows
from coral.config.token_file import ROLES, Token, add_token, now_text, read_tokens, remove_token
from coral.errors import CoralError, UsageError
from coral.printing import emit

_ENV = "CORAL_COLONY_TOKEN_FILE"
_file_option = click.option(
    "--token-file",
    "path",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    envvar=_ENV,
    help=f"The colony's file of tokens. [env var: {_ENV}; default: token_file of colony.yaml]",
)


def _complete_name(ctx: click.Context, _: click.Parameter, typed: str) -> list[CompletionItem]:
    try:
        tokens = read_tokens(_path(ctx.params.get("path")))
    except CoralError:
        return []  # a shell that waits for completions is no place for errors
    return [CompletionItem(token.name, help=token.role) for token in tokens if token.name.startswith(typed)]


@click.group()
def token() -> None:
    """Make, list and revoke the tokens of a colony, on the colony's machine.

    A running colony takes the changes within two seconds. docs/guides/tls-and-tokens.md tells the whole.
    """


@token.command()
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(tuple(ROLES)),
    required=True,
    help="What the token's holder may do: "
    + "; ".join(f"{role} {what}" for role, what in ROLES.items())
    + ".",
)
@click.option(
    "--raw-attributes",
    is_flag=True,
    help="Its holder sees values of attributes that are redacted for others (the setting redact).",
)
@_file_option
def create(name: str, role: str, raw_attributes: bool, path: str | None) -> int:
    """Make a token, and print it: only now, because the file has nothing but its hash.

    \b
    coral token create ci --role viewer > ci.token
    coral token create agents --role agent > agents.token
    """
    from coral.model.tokens import digest_of, new_token

    if raw_attributes and role == "agent":
        raise UsageError(
            "--raw-attributes is for those who ask, and an agent asks nothing", hint="leave it out"
        )
    where = _path(path)
    made = new_token()
    add_token(where, Token(name, role, digest_of(made), raw_attributes, now_text()))
    emit(f"{made}\n")
    report_note(f"{name} ({role}) is in {where}; keep what is printed, it is nowhere else")
    return 0


@token.command("list")
@click.option(
    "-o",
    "--output",
    type=click.Choice(("table", "json", "csv")),
    default="table",
    show_default=True,
    help="How to print it.",
)
@_file_option
def list_tokens(output: str, path: str | None) -> int:
    """List the tokens: names and roles, for there is nothing else."""
    tokens = read_tokens(_path(path))
    if output == "json":
        documents = [
            {
                "name": each.name,
                "role": each.role,
                "raw_attributes": each.raw_attributes,
                "created_at": each.created_at or None,
            }
            for each in tokens
        ]
        emit(render_json(documents))
        return 0
    rows = [[each.name, each.role, each.raw_attributes, each.created_at] for each in tokens]
    columns = [
        ("name", "VARCHAR"),
        ("role", "VARCHAR"),
        ("raw_attributes", "BOOLEAN"),
        ("created_at", "VARCHAR"),
    ]
    emit(render_rows(output, columns, rows))
    return 0


@token.command()
@click.argument("name", shell_complete=_complete_name)
@_file_option
def revoke(name: str, path: str | None) -> int:
    """Revoke a token: calls with it are refused from then on, and agents' connections end."""
    where = _path(path)
    remove_token(where, name)
    report_note(f"{name} is revoked ({where})")
    return 0


def _path(given: str | None) -> str:
    if given is not None:
        return os.path.abspath(os.path.expanduser(given))
    from coral.cli.settings import find_file
    from coral.config.colony_file import COLONY_SETTINGS, FILE_ENV, default_colony_file
    from coral.config.settings import configure

    file = find_file(None, no_config=False, variable=FILE_ENV, default=default_colony_file())
    configured = None if file is None else configure(COLONY_SETTINGS, flags={}, file=file)["token_file"]
    if not isinstance(configured, Path):
        raise UsageError(
            "it is not said which file the colony's tokens are in",
            hint=f"--token-file FILE or {_ENV}, the same as the colony has; or token_file in colony.yaml",
        )
    return str(configured)
