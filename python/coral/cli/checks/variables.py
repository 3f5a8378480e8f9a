"""The environment's CORAL_ variables: whether what they say can be used."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import click

from coral.cli.checks import Finding
from coral.cli.twins import refused_value
from coral.errors import CoralError

_PREFIX = "CORAL_"


def check_variables(root: click.Group) -> list[Finding]:
    """Reads every variable that is set as the command that uses it does.

    Args:
        root: The group of all commands.
    """
    given = {name for name, value in os.environ.items() if name.startswith(_PREFIX) and value}
    if not given:
        return []
    found: dict[str, tuple[str, str | None]] = {}
    for context in _commands(click.Context(root)):
        for option in context.command.params:
            if option.envvar in given:
                assert isinstance(option.envvar, str), "of each option in given"
                problem = _problem(context, option)
                if problem is not None:
                    found[option.envvar] = problem
    for name, text, hint in [*_sizes(), *_settings()]:
        found[name] = (text, hint)
    if not found:
        return []
    return [Finding("environment", "problem", text, hint) for _, (text, hint) in sorted(found.items())]


def _commands(context: click.Context) -> Iterator[click.Context]:
    """The contexts of all commands that do something."""
    group = context.command
    assert isinstance(group, click.Group), "only groups are walked"
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, "it is in the list"
        below = click.Context(command, info_name=name, parent=context)
        if isinstance(command, click.Group):
            yield from _commands(below)
        else:
            yield below


def _problem(context: click.Context, option: click.Parameter) -> tuple[str, str | None] | None:
    try:
        value, source = option.consume_value(context, {})
        context.set_parameter_source(option.name or "", source)
        option.process_value(context, value)
    except click.BadParameter as error:
        refused = refused_value(error)
        assert refused is not None, "the value is the environment's"
        return refused.message, refused.hint
    except CoralError as error:
        return error.message, error.hint
    return None


def _sizes() -> list[tuple[str, str, str | None]]:
    from coral.runner.memory import memory_limit, output_limit

    found = []
    readers: dict[str, Callable[[], int]] = {
        "CORAL_MEMORY": lambda: memory_limit(None),
        "CORAL_OUTPUT": output_limit,
    }
    for name, read in readers.items():
        try:
            read()
        except CoralError as error:
            found.append((name, error.message, error.hint))
    return found


def _settings() -> list[tuple[str, str, str | None]]:
    """What is wrong with the settings of agents and colonies; the files are not read."""
    from coral.config.agent_file import AGENT_SETTINGS
    from coral.config.colony_file import COLONY_SETTINGS
    from coral.config.settings import configure

    found: list[tuple[str, str, str | None]] = []
    for settings in (AGENT_SETTINGS, COLONY_SETTINGS):
        for problem in configure(settings, flags={}, file=None).problems:
            for setting in settings:
                name = setting.env
                # The colony's address and what goes with it are looked at with the colony.
                if name and name != "CORAL_COLONY" and problem.startswith(f"environment variable {name} "):
                    found.append((name, problem, None))
    return found
