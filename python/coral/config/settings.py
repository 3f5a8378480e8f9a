"""Settings: what can be set, from where, and what holds in the end.

A program's settings are one table (`agent_file.py`, `colony_file.py`). The file's check, the flags and
environment variables of the commands, `check-config` and `docs/configuration.md` all follow from it.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from coral.config.kinds import Kind
from coral.config.yaml_file import FileValue, read_yaml
from coral.errors import ConfigError

_EXIT_HINT: Final = "docs/configuration.md lists every key"


@dataclass(frozen=True)
class Setting:
    """One thing that can be set.

    Attributes:
        key: Its name in the file; dots are levels, for example `otlp.grpc`.
        kind: How a value is written and checked.
        default: The value as it would stand in the file, or what makes it; None is "not set".
        help: What it does, one sentence.
        flag: Option of the `start` command, or None where there is none.
        env: Environment variable, or None where there is none.
        default_text: What help shows in the default's place.
        note: Said when it is set to something else than its default: that it has no effect yet.
        at_least: Key of an earlier setting that it must not be below, or None.
    """

    key: str
    kind: Kind
    default: object | Callable[[], object]
    help: str
    flag: str | None = None
    env: str | None = None
    default_text: str | None = None
    note: str | None = None
    at_least: str | None = None

    def default_value(self) -> object:
        """The default, checked like any other value; None where it is not set."""
        raw = self.default() if callable(self.default) else self.default
        return None if raw is None else self.kind.parse(raw, folder=Path.cwd())

    def describe_default(self) -> str:
        """The default for people."""
        if self.default_text is not None:
            return self.default_text
        if self.default is None:
            return "none"
        if self.default == {}:
            return "empty"
        shown = self.kind.show(self.default_value())
        return str(shown).lower() if isinstance(shown, bool) else str(shown)


@dataclass(frozen=True)
class Effective:
    """What holds.

    Attributes:
        value: The checked value.
        source: Where it comes from: a flag, `environment variable X`, `FILE:LINE` or `default`.
    """

    value: Any
    source: str


@dataclass(frozen=True)
class Configuration:
    """All settings of a program.

    Attributes:
        values: By key, in the table's order.
        problems: What cannot be used, one sentence each; empty when all is well. A setting with a
            problem has its default in `values`.
        notes: What a reader should know although it is no error.
        file: The configuration file that was read, or None.
    """

    values: Mapping[str, Effective]
    problems: Sequence[str] = field(default_factory=tuple)
    notes: Sequence[str] = field(default_factory=tuple)
    file: Path | None = None

    def __getitem__(self, key: str) -> Any:
        """The checked value of a key."""
        return self.values[key].value

    def require_valid(self) -> None:
        """Does nothing if all settings can be used.

        Raises:
            ConfigError: Some cannot; the message names all of them.
        """
        if len(self.problems) == 1:
            raise ConfigError(self.problems[0], hint=_EXIT_HINT)
        if self.problems:
            listed = "".join(f"\n  {problem}" for problem in self.problems)
            raise ConfigError(f"{len(self.problems)} settings cannot be used:{listed}", hint=_EXIT_HINT)


def configure(
    settings: Sequence[Setting],
    *,
    flags: Mapping[str, object],
    file: Path | None,
    environment: Mapping[str, str] = os.environ,
) -> Configuration:
    """Puts flags, environment, file and defaults together, in this order of precedence.

    Args:
        settings: The table.
        flags: What the command line said, by key; absent or None is "not said".
        file: The configuration file, or None to read none.
        environment: Environment variables; empty ones count as not set.

    Raises:
        ConfigError: The file is missing, unreadable or no YAML. Bad values are not raised but in
            `Configuration.problems`, so that all are told at once.
    """
    problems: list[str] = []
    notes: list[str] = []
    from_file = {} if file is None else read_yaml(file, leaves=_leaves(settings), problems=problems)
    values: dict[str, Effective] = {}
    by_key = {setting.key: setting for setting in settings}
    for key, found in from_file.items():
        if key not in by_key:
            problems.append(f"{file}:{found.line}: the key {key!r} is unknown{_suggestion(key, settings)}")
    for setting in settings:
        raw, source, where = _first(setting, flags, environment, from_file, file)
        try:
            value = setting.default_value() if raw is None else setting.kind.parse(raw, folder=where)
        except ValueError as error:
            problems.append(f"{_named(setting, source)} {error}")
            value, source = setting.default_value(), "default"
        values[setting.key] = Effective(value, source)
        if setting.at_least is not None and value < values[setting.at_least].value:
            problems.append(_too_low(setting, by_key[setting.at_least], values))
        if setting.note is not None and source != "default" and value != setting.default_value():
            notes.append(f"{_named(setting, source)}: {setting.note}")
    return Configuration(values, tuple(sorted(problems, key=_by_line)), tuple(notes), file)


def _first(
    setting: Setting,
    flags: Mapping[str, object],
    environment: Mapping[str, str],
    from_file: Mapping[str, FileValue],
    file: Path | None,
) -> tuple[object, str, Path]:
    """The raw value that counts, where it is from, and what its paths are relative to."""
    flag = flags.get(setting.key)
    if flag is not None:
        return flag, setting.flag or "command line", Path.cwd()
    variable = environment.get(setting.env, "") if setting.env else ""
    if variable:
        return variable, f"environment variable {setting.env}", Path.cwd()
    found = from_file.get(setting.key)
    if found is not None and found.value is not None and file is not None:
        return found.value, f"{file}:{found.line}", file.absolute().parent
    return None, "default", Path.cwd()


def _too_low(setting: Setting, bound: Setting, values: Mapping[str, Effective]) -> str:
    """That a setting is below another one; named is the one that somebody set."""
    own, other = values[setting.key], values[bound.key]
    shown, limit = setting.kind.show(own.value), bound.kind.show(other.value)
    if own.source == "default":
        return (
            f"{_named(bound, other.source)} is {limit}, more than {setting.key} ({shown}),"
            f" expected at most as much; set {setting.key} as well"
        )
    name = _named(setting, own.source)
    return f"{name} is {shown}, less than {bound.key} ({limit}), expected at least as much"


def _named(setting: Setting, source: str) -> str:
    """A setting in a message, called as the one who set it calls it."""
    if source == setting.flag or source.startswith("environment"):
        return source
    return f"{source}: {setting.key}"


def _leaves(settings: Sequence[Setting]) -> frozenset[str]:
    return frozenset(setting.key for setting in settings)


def _suggestion(key: str, settings: Sequence[Setting]) -> str:
    known = {setting.key for setting in settings}
    sections = {name.rpartition(".")[0] for name in known if "." in name}
    close = difflib.get_close_matches(key, sorted(known | sections), n=1, cutoff=0.6)
    if not close:
        # `memory_limit_mb` at the top, or `otlp_grpc`: the right name on the wrong level.
        by_leaf = {name.rpartition(".")[2]: name for name in sorted(known)}
        flat = {name.replace(".", "_"): name for name in sorted(known)}
        leaf = key.rpartition(".")[2]
        near = difflib.get_close_matches(leaf, [*by_leaf, *flat], n=1, cutoff=0.8)
        close = [by_leaf.get(name) or flat[name] for name in near]
    if close:
        return f"; did you mean {close[0]!r}?"
    tops = sorted({name.partition(".")[0] for name in known})
    return f"; known are {', '.join(tops)}"


def _by_line(problem: str) -> tuple[int, str]:
    """Problems of the file in the order of its lines; the others, which stand above it, first."""
    head = problem.partition(": ")[0].rpartition(":")[2]
    return (int(head) if head.isdigit() else 0, problem)
