"""The environment's twin of every option: `coral run --timeout` is `CORAL_RUN_TIMEOUT`.

Some had a name of their own before there was a rule: `--colony` is `CORAL_COLONY` everywhere, `--memory`
is `CORAL_MEMORY`, and the settings of agents and colonies name theirs (`coral.config.settings`).
"""

from __future__ import annotations

import click

from coral.cli.twins import check_twin, name_twins
from coral.config.settings import Setting

# Read where they are used, because an error there must say that the environment was wrong.
_ELSEWHERE = {
    "--colony": "CORAL_COLONY",
    "--memory": "CORAL_MEMORY",
    "--tls-ca": "CORAL_TLS_CA",
    "--token-file": "CORAL_TOKEN_FILE",
}


def variable_of(path: tuple[str, ...], option: click.Option) -> str | None:
    """Returns the name of an option's environment variable; None for `--help` and `--version`.

    Args:
        path: The command's names, without `coral`.
        option: One of its options.
    """
    if option.is_eager:
        return None
    if path[1:] == ("start",):
        for setting in _settings(path[0]):
            if setting.flag in option.opts:
                return setting.env
    longest = max(option.opts, key=len)
    if isinstance(option.envvar, str):
        return option.envvar
    if longest in _ELSEWHERE:
        return _ELSEWHERE[longest]
    if longest == "--config":
        return f"CORAL_{path[0]}_CONFIG".upper()
    return "_".join(["coral", *path, longest.lstrip("-")]).replace("-", "_").upper()


def name_variables(command: click.Command, path: tuple[str, ...]) -> None:
    """Gives every option of a command, and of those below it, its variable.

    Args:
        command: The command.
        path: Its names, without `coral`.
    """
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            name_variables(below, (*path, name))
    read_elsewhere = set(_ELSEWHERE) | {"--config"}
    if path[1:] == ("start",):
        read_elsewhere |= {setting.flag for setting in _settings(path[0]) if setting.flag is not None}
    for option in command.params:
        if isinstance(option, click.Option) and not read_elsewhere & set(option.opts):
            option.envvar = variable_of(path, option)
            check_twin(option)
    name_twins(command)


def _settings(program: str) -> tuple[Setting, ...]:
    if program == "agent":
        from coral.config.agent_file import AGENT_SETTINGS

        return AGENT_SETTINGS
    if program == "colony":
        from coral.config.colony_file import COLONY_SETTINGS

        return COLONY_SETTINGS
    return ()
