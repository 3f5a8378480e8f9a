"""Settings on the command line: the options of a settings table, and what `check-config` prints."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from coral.cli.errors import report, report_note
from coral.cli.options import FILE
from coral.cli.output import render_json
from coral.config.kinds import FilePath
from coral.config.settings import Configuration, Setting, configure
from coral.errors import ConfigError, UsageError
from coral.printing import emit, show_text

if TYPE_CHECKING:
    from coral.serve.self_telemetry import SelfTelemetry

_Command = TypeVar("_Command", bound=Callable[..., Any])


def settings_options(settings: Sequence[Setting]) -> Callable[[_Command], _Command]:
    """Adds an option for each setting that has a flag; values go to `read_settings` as they are."""

    def add(command: _Command) -> _Command:
        for setting in reversed([setting for setting in settings if setting.flag is not None]):
            assert setting.flag is not None
            command = click.option(
                setting.flag,
                _parameter(setting.key),
                metavar=setting.kind.metavar,
                type=FILE if isinstance(setting.kind, FilePath) else None,
                multiple=setting.key == "labels",
                help=f"{setting.help} {_origin(setting)}",
            )(command)
        return command

    return add


def config_options(program: str, variable: str) -> Callable[[_Command], _Command]:
    """Adds `--config FILE` and `--no-config`, named `config` and `no_config`."""

    def add(command: _Command) -> _Command:
        command = click.option("--no-config", is_flag=True, help="Read no configuration file.")(command)
        return click.option(
            "--config",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help=f"The configuration file. [env var: {variable};"
            f" default: coral/{program}.yaml in the XDG config directory, if it exists]",
        )(command)

    return add


def find_file(config: Path | None, *, no_config: bool, variable: str, default: Path) -> Path | None:
    """The configuration file to read: the flag's, the environment's, or the default one if it exists.

    Raises:
        UsageError: `--config` and `--no-config` stand together.
        ConfigError: The default one is a pipe.
    """
    if config is not None and no_config:
        raise UsageError("--config and --no-config exclude each other", hint="leave one of them away")
    if no_config:
        return None
    if config is not None:
        return config
    named = os.environ.get(variable)
    if named:
        return Path(named)
    if default.is_fifo():  # only one that somebody names is waited for
        raise ConfigError(
            f"the configuration file {default} is a named pipe, expected a file",
            hint="put a file in its place, or name it: --config FILE",
        )
    return default if default.exists() else None


def read_settings(
    settings: Sequence[Setting], flags: Mapping[str, Any], *, file: Path | None, verbose: bool
) -> Configuration:
    """What holds for a program that starts now; notes go to stderr.

    Raises:
        ConfigError: Something cannot be used; the message names all of it.
        UsageError: What cannot be used stands on the command line.
    """
    given = flag_values(settings, flags)
    if verbose:
        given.setdefault("log.level", "info")
    found = configure(settings, flags=given, file=file)
    for note in found.notes:
        report_note(note)
    if found.problems and all(problem.startswith("--") for problem in found.problems):
        raise UsageError(found.problems[0], hint="--help shows how it is used")
    found.require_valid()
    return found


def flag_values(settings: Sequence[Setting], flags: Mapping[str, Any]) -> dict[str, object]:
    """The values that stand on the command line, by key.

    Raises:
        UsageError: A label is not `K=V`.
    """
    given: dict[str, object] = {}
    for setting in settings:
        value = flags.get(_parameter(setting.key))
        if setting.key == "labels" and value:
            given[setting.key] = _labels(value)
        elif value not in (None, ()):
            given[setting.key] = value
    return given


def self_telemetry_of(found: Configuration) -> SelfTelemetry | None:
    """Where the program's own metrics go, or None."""
    endpoint = found["self_telemetry.otlp_endpoint"]
    if endpoint is None:
        return None
    from coral.serve.self_telemetry import SelfTelemetry

    return SelfTelemetry(endpoint, found["self_telemetry.interval"])


def print_check(settings: Sequence[Setting], file: Path | None, output: str) -> int:
    """Prints the settings that hold, with where each comes from; all problems go to stderr.

    Returns:
        The exit code.
    """
    try:
        found = configure(settings, flags={}, file=file)
    except ConfigError as error:
        found = Configuration({}, (error.message,), file=file)
    if output == "json":
        shown = {
            setting.key: {"value": _shown(setting, found), "source": found.values[setting.key].source}
            for setting in settings
            if setting.key in found.values
        }
        document = {
            "file": None if file is None else str(file),
            "valid": not found.problems,
            "settings": shown,
            "problems": list(found.problems),
            "notes": list(found.notes),
        }
        emit(render_json(document))
    elif not found.problems:
        show_text(_as_yaml(settings, found))
    for note in found.notes:
        report_note(note)
    for problem in found.problems:
        report(problem)
    return ConfigError.exit_code if found.problems else 0


def _as_yaml(settings: Sequence[Setting], found: Configuration) -> str:
    lines: list[tuple[str, str]] = []
    section: list[str] = []
    for setting in settings:
        *parents, name = setting.key.split(".")
        if parents != section:
            section = parents
            lines += [(f"{'  ' * depth}{parent}:", "") for depth, parent in enumerate(parents)]
        text = _yaml_value(_shown(setting, found))
        lines.append((f"{'  ' * len(parents)}{name}: {text}", found.values[setting.key].source))
    width = min(max(len(line) for line, _ in lines), 60)
    return "".join(f"{line.ljust(width)}  # {source}\n" if source else f"{line}\n" for line, source in lines)


def _yaml_value(value: object) -> str:
    import json

    # JSON is YAML: quotes keep `off` and `1h` what they are.
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _shown(setting: Setting, found: Configuration) -> object:
    value = found[setting.key]
    # A value that was switched off is shown as such, one that was never set as null.
    return setting.kind.show(value) if value is not None or setting.default is not None else None


def _parameter(key: str) -> str:
    return key.replace(".", "__")


def _origin(setting: Setting) -> str:
    variable = f"env var: {setting.env}; " if setting.env else ""
    return f"[{variable}default: {setting.describe_default()}]"


def _labels(texts: Sequence[str]) -> dict[str, str]:
    labels = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(f"--label {text!r} is not K=V", hint="for example --label region=us-east")
        labels[key] = value
    return labels
