"""`coral config`: the user's configuration file, a project's, and contexts."""

from __future__ import annotations

import os
import shlex
from dataclasses import asdict
from typing import Any

import click
from click.shell_completion import CompletionItem

from coral.cli.errors import report_note
from coral.cli.options import FILE, complete_authority
from coral.config import effective
from coral.config.access import SYSTEM, read_access
from coral.config.edit import change
from coral.config.file import CONTEXTS, KEYS, ConfigFile, Context, Key, check_value, parse_value, shown
from coral.config.paths import cache_dir, config_dir, config_file, state_dir
from coral.errors import NotFoundError, UsageError
from coral.printing import emit, show_lines


def _complete_key(ctx: click.Context, _: click.Parameter, typed: str) -> list[CompletionItem]:
    return [CompletionItem(key.name, help=key.help) for key in KEYS if key.name.startswith(typed)]


def _complete_context(ctx: click.Context, _: click.Parameter, typed: str) -> list[CompletionItem]:
    names = _own().contexts
    return [CompletionItem(name, help=names[name].colony) for name in names if name.startswith(typed)]


@click.group()
def config() -> None:
    """Show and change the configuration of commands, and its contexts.

    A flag wins over its environment variable, that over the project's coral.yaml, that over your own
    config.yaml. docs/configuration.md lists every key and variable.
    """


@config.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def path(as_json: bool) -> int:
    """Print where files are, whether they exist or not."""
    project, _ = effective.find_project_file()
    places = {
        "user file": config_file(),
        "project file": project,
        "config": config_dir(),
        "state": state_dir(),
        "cache": cache_dir(),
    }
    if as_json:
        _print_json({name.replace(" ", "_"): place for name, place in places.items()})
    else:
        for name, place in places.items():
            show_lines(f"{name:<12}  {place or 'none'}")
    return 0


@config.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def show(as_json: bool) -> int:
    """Print what holds here, and where each value is from."""
    found = {key.name: _effective(key) for key in KEYS}
    chosen = effective.choose_colony(None)
    if chosen is not None and chosen.context is not None:
        found["colony"] = (chosen.address, f"context {chosen.context}, {chosen.source}")
    if as_json:
        _print_json({name: {"value": value, "source": source} for name, (value, source) in found.items()})
        return 0
    rows = [(name, "-" if value is None else _text(value), source) for name, (value, source) in found.items()]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for name, value, source in rows:
        show_lines(f"{name:<{widths[0]}}  {value:<{widths[1]}}  {source}".rstrip())
    return 0


@config.command()
@click.argument("key", shell_complete=_complete_key)
def get(key: str) -> int:
    """Print the value of KEY that holds here."""
    value, _ = _effective(_key(key))
    if key == "colony" and value is None:
        chosen = effective.choose_colony(None)
        value = None if chosen is None else chosen.address
    if value is None:
        raise NotFoundError(f"{key} is not set", hint=f"coral config set {key} VALUE sets it")
    emit(f"{_text(value)}\n")
    return 0


@config.command("set")
@click.argument("key", shell_complete=_complete_key)
@click.argument("value")
def set_key(key: str, value: str) -> int:
    """Set KEY in your own file."""
    found = _key(key)
    raw: object = {"true": True, "false": False}.get(value.lower(), value)
    try:
        checked = parse_value(found, raw if key == "check" else value)
    except ValueError as error:
        raise UsageError(f"{key} {error}", hint=f"{key} is {found.kind.describe()}") from None
    own = _own()
    if key == "context":
        _require_context(own, value)
    _change({key: checked}, own)
    show_lines(f"{key} is {_text(checked)} now ({config_file()})")
    _note_if_overruled(found)
    return 0


@config.command()
@click.argument("key", shell_complete=_complete_key)
def unset(key: str) -> int:
    """Remove KEY from your own file."""
    found = _key(key)
    if key not in _own().values:
        raise NotFoundError(
            f"{key} is not set in {config_file()}", hint="coral config show says what is set where"
        )
    change(config_file(), {key: None})
    show_lines(f"{key} is not set any more ({config_file()})")
    _note_if_overruled(found)
    return 0


@config.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def contexts(as_json: bool) -> int:
    """List contexts; the one that is used is marked."""
    known = _own().contexts
    chosen = effective.choose_colony(None)
    used = None if chosen is None else chosen.context
    if as_json:
        _print_json([{"name": name, **asdict(known[name]), "used": name == used} for name in known])
        return 0
    if not known:
        show_lines("There are none. coral config add-context NAME HOST:PORT adds one.")
    width = max((len(name) for name in known), default=0)
    for name, context in known.items():
        more = ("  tls" if context.tls_ca else "") + ("  token" if context.token_file else "")
        show_lines(f"{'*' if name == used else ' '} {name:<{width}}  {context.colony}{more}")
    return 0


@config.command()
@click.argument("name", shell_complete=_complete_context)
def use(name: str) -> int:
    """Use a context from now on."""
    own = _own()
    _require_context(own, name)
    _change({"context": name}, own)
    show_lines(f"commands use {own.contexts[name].colony} now (context {name})")
    _note_if_overruled(_key("context"))
    return 0


@config.command("add-context")
@click.argument("name")
@click.argument("colony", metavar="HOST:PORT")
@click.option(
    "--tls-ca",
    metavar="FILE|system",
    type=FILE,
    shell_complete=complete_authority,
    envvar="CORAL_TLS_CA",
    help="Certificate authority of the colony; it means TLS. [env var: CORAL_TLS_CA]",
)
@click.option(
    "--token-file",
    metavar="FILE",
    type=FILE,
    envvar="CORAL_TOKEN_FILE",
    help="File that holds your token for the colony. [env var: CORAL_TOKEN_FILE]",
)
def add_context(name: str, colony: str, tls_ca: str | None, token_file: str | None) -> int:
    """Add a context, or change it.

    The files are read when the context is used; the token itself is never written into the configuration.
    """
    from coral.config.address import normal_address

    if not name.strip() or not name.isprintable() or len(name) > 64:
        raise UsageError(f"{name!r} is no name", hint="for example: coral config add-context prod h:9000")
    own = _own()
    address = normal_address(colony)
    ca = tls_ca if tls_ca in (None, SYSTEM) else os.path.abspath(os.path.expanduser(str(tls_ca)))
    token = None if token_file is None else os.path.abspath(os.path.expanduser(token_file))
    read_access(address, tls_ca=ca, token_file=token, token=None)  # what cannot be used is told now
    known = {**own.contexts, name: Context(address, ca, token)}
    change(config_file(), {CONTEXTS: _written(known)})
    show_lines(f"the context {name} is {address} ({config_file()})")
    if own.values.get("context") != name:
        show_lines("", f"Next: coral config use {shlex.quote(name)}")
    return 0


@config.command("remove-context")
@click.argument("name", shell_complete=_complete_context)
def remove_context(name: str) -> int:
    """Remove a context."""
    own = _own()
    _require_context(own, name)
    known = {other: own.contexts[other] for other in own.contexts if other != name}
    used = own.values.get("context") == name
    change(config_file(), {CONTEXTS: _written(known) or None, **({"context": None} if used else {})})
    show_lines(f"the context {name} is removed{'; it was the one in use' if used else ''}")
    return 0


def _effective(key: Key) -> tuple[Any, str]:
    """A key's value that holds, and where it is from."""
    given = os.environ.get(key.env or "")
    if given:
        source = f"environment variable {key.env}"
        raw: object = {"true": True, "1": True, "false": False, "0": False}.get(given.lower(), given)
        return check_value(key, raw if key.name == "check" else given, where=source), source
    # The colony is one question with two keys: whoever answers it first overrules the rest.
    pair = ("colony", "context") if key.name in ("colony", "context") else (key.name,)
    if key.name == "context" and os.environ.get("CORAL_COLONY"):
        return None, ""
    if key.name == "colony" and os.environ.get("CORAL_CONTEXT"):
        return None, ""
    for file in (effective.project_file(), effective.user_file()):
        if file is not None and any(name in file.values for name in pair):
            value = file.values.get(key.name)
            return value, "" if value is None else file.source(key.name)
    return None, ""


def _own() -> ConfigFile:
    return effective.user_file() or ConfigFile(config_file(), {}, {}, {})


def _key(name: str) -> Key:
    for key in KEYS:
        if key.name == name:
            return key
    if name == CONTEXTS:
        raise UsageError("contexts are more than one value", hint="coral config contexts, use, add-context")
    raise UsageError(f"there is no key {name!r}", hint=f"the keys are {', '.join(key.name for key in KEYS)}")


def _require_context(own: ConfigFile, name: str) -> None:
    if name not in own.contexts:
        known = ", ".join(own.contexts)
        raise NotFoundError(
            f"there is no context {name!r}",
            hint=f"the contexts are {known}"
            if known
            else f"coral config add-context {shlex.quote(name)} HOST:PORT adds it",
        )


def _change(changes: dict[str, Any], own: ConfigFile) -> None:
    """Colony and context answer the same question: one of them stays."""
    other = {"colony": "context", "context": "colony"}.get(next(iter(changes)))
    if other is not None and other in own.values:
        changes[other] = None
        report_note(f"{other} was {own.values[other]}, and is not set any more")
    change(config_file(), changes)


def _note_if_overruled(key: Key) -> None:
    """A change of one's own file is without effect where something else goes before it."""
    twins = ("CORAL_COLONY", "CORAL_CONTEXT") if key.name in ("colony", "context") else (key.env,)
    for name in twins:
        if name is not None and os.environ.get(name):
            report_note(f"the environment variable {name} goes before it")
            return
    project = effective.project_file()
    names = ("colony", "context") if key.name in ("colony", "context") else (key.name,)
    if project is not None and any(name in project.values for name in names):
        report_note(f"{shown(project.path)} goes before it, here")


def _written(known: dict[str, Context]) -> dict[str, dict[str, str]]:
    return {
        name: {key: value for key, value in asdict(context).items() if value is not None}
        for name, context in known.items()
    }


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _print_json(value: object) -> None:
    from coral.cli.output import render_json

    emit(render_json(value))
