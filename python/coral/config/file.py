"""The configuration files of commands: the user's `config.yaml` and a project's `coral.yaml`.

Loaded only where one of them exists: PyYAML costs 20 ms.

A project file comes with a folder that may have been downloaded. It may only say what cannot hurt whoever
runs something there: which colony to ask, which is said on stderr, and whether types are checked.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from coral.config.access import SYSTEM
from coral.config.bounded_file import MAX_CONFIG_BYTES, read_bounded
from coral.config.kinds import Address, Duration, FilePath, Kind, Switch, Text
from coral.config.paths import own_uid
from coral.config.sizes import size_of
from coral.config.yaml_file import FileValue, parse_yaml
from coral.errors import ConfigError
from coral.script_limits import MIN_SCRIPT_MEMORY_BYTES

_EXAMPLE: Final = "it is YAML, such as: colony: 127.0.0.1:4000"


@dataclass(frozen=True)
class Memory:
    """A size as `--memory` takes it: powers of 1024, kept as it is written."""

    @property
    def metavar(self) -> str:  # noqa: D102 (as the protocol says, here and below)
        return "SIZE"

    def describe(self) -> str:  # noqa: D102
        return f"size such as 512m or 2g, at least {MIN_SCRIPT_MEMORY_BYTES >> 20}m"

    def parse(self, raw: object, *, folder: Path) -> str:  # noqa: D102
        if not isinstance(raw, str) or re.fullmatch(r"\d+[kmg](i?b)?", raw.strip().lower()) is None:
            raise ValueError(f"is {raw!r}, expected a {self.describe()}")
        if (size_of(raw) or 0) < MIN_SCRIPT_MEMORY_BYTES:
            raise ValueError(f"is {raw}, expected at least {MIN_SCRIPT_MEMORY_BYTES >> 20}m")
        return raw.strip()

    def show(self, value: object) -> object:  # noqa: D102
        return value


@dataclass(frozen=True)
class Key:
    """One key of the files.

    Attributes:
        name: The key.
        kind: How a value is written.
        help: What it does, one sentence.
        flag: The option that goes before it, or None.
        env: The environment variable that goes before it, or None.
        in_project: Whether a project file may set it.
    """

    name: str
    kind: Kind
    help: str
    flag: str | None
    env: str | None
    in_project: bool


KEYS: Final = (
    Key("colony", Address(), "The colony that commands talk to.", "--colony", "CORAL_COLONY", True),
    Key("context", Text(64), "The context whose colony it is.", None, "CORAL_CONTEXT", True),
    Key("check", Switch(), "Whether `coral run` checks types first.", "--check", "CORAL_RUN_CHECK", True),
    Key(
        "timeout",
        Duration(least="0s"),
        "Time limit of `coral run`; `0s` is none.",
        "--timeout",
        "CORAL_RUN_TIMEOUT",
        False,
    ),
    Key(
        "memory",
        Memory(),
        "Memory limit of `coral run`.",
        "--memory",
        "CORAL_MEMORY",
        False,
    ),
)
"""Every key but `contexts`, in the order of `docs/configuration.md`."""

CONTEXTS: Final = "contexts"
_LEAVES: Final = (*(key.name for key in KEYS), CONTEXTS)


@dataclass(frozen=True)
class Context:
    """A colony that has a name, and how it is reached.

    Attributes:
        colony: `HOST:PORT`.
        tls_ca: Path of its certificate authority, or `system`; None for no TLS.
        token_file: Path of the file that holds the user's token; None for none.
    """

    colony: str
    tls_ca: str | None = None
    token_file: str | None = None


CONTEXT_KINDS: Final[Mapping[str, Kind]] = {
    "colony": Address(),
    "tls_ca": FilePath(word=SYSTEM),
    "token_file": FilePath(),
}
"""What a context may hold."""


@dataclass(frozen=True)
class ConfigFile:
    """What a file says, checked.

    Attributes:
        path: The file.
        values: What is set, by key; a value as the file has it, where it is text, else as it is checked.
        lines: The line of each.
        contexts: Colonies, by the context's name.
    """

    path: str
    values: Mapping[str, Any]
    lines: Mapping[str, int]
    contexts: Mapping[str, Context]

    def source(self, key: str) -> str:
        """Where a value is from: `FILE:LINE`."""
        return f"{self.path}:{self.lines[key]}"


def read_file(path: str, *, project: bool) -> ConfigFile:
    """Reads one file.

    Args:
        path: The file; it exists.
        project: Whether it is a project's.

    Raises:
        ConfigError: It cannot be read, is not YAML, or has a key or a value that cannot be used.
    """
    problems: list[str] = []
    text = read_bounded(
        path,
        f"the configuration file {path}",
        most_bytes=MAX_CONFIG_BYTES,
        hint=_EXAMPLE,
        owners=(0, own_uid()) if project else (),
    )
    found = parse_yaml(text, path, leaves=_LEAVES, problems=problems, hint=_EXAMPLE)
    if problems:
        raise ConfigError(problems[0], hint=_EXAMPLE)
    values: dict[str, Any] = {}
    by_name = {key.name: key for key in KEYS}
    for name, each in found.items():
        where = f"{path}:{each.line}"
        if name == CONTEXTS and not project:
            continue
        key = by_name.get(name)
        if project and (key is None or not key.in_project):
            raise _not_in_project(name, known=name in _LEAVES, where=where)
        if key is None:
            raise ConfigError(f"{where}: the key {name!r} is unknown", hint=_nearest(name))
        if each.value is not None:
            values[name] = check_value(key, each.value, where=where)
    if "colony" in values and "context" in values:
        raise ConfigError(
            f"{path} sets both colony and context, and either says which colony is meant",
            hint="keep one of them",
        )
    contexts = _contexts(path, found.get(CONTEXTS))
    return ConfigFile(path, values, {name: each.line for name, each in found.items()}, contexts)


def check_value(key: Key, raw: object, *, where: str) -> object:
    """Checks a value.

    Args:
        key: Its key.
        raw: The value as YAML gives it, or text.
        where: Where it stands, for messages.

    Returns:
        The value as it is shown and written.

    Raises:
        ConfigError: It cannot be used.
    """
    try:
        return parse_value(key, raw)
    except ValueError as error:
        hint = f"{key.name} is {key.kind.describe()}"
        raise ConfigError(f"{where}: {key.name} {error}", hint=hint) from None


def parse_value(key: Key, raw: object) -> object:
    """Checks a value, and returns it as it is shown and written.

    Raises:
        ValueError: It cannot be used; the message goes behind the key's name.
    """
    return key.kind.show(key.kind.parse(raw, folder=Path.cwd()))


def _contexts(path: str, found: FileValue | None) -> dict[str, Context]:
    if found is None or found.value is None:
        return {}
    where = f"{path}:{found.line}"
    example = "for example: contexts: {prod: {colony: colony.internal:9000}}"
    if not isinstance(found.value, dict):
        raise ConfigError(f"{where}: contexts is {found.value!r}, expected names with settings", hint=example)
    contexts = {}
    for name, settings in found.value.items():
        if not isinstance(name, str) or not isinstance(settings, dict) or "colony" not in settings:
            raise ConfigError(f"{where}: the context {name!r} has no key colony", hint=example)
        contexts[name] = _context(settings, f"{where}: the context {name}", os.path.dirname(path))
    return contexts


def _context(settings: Mapping[Any, Any], where: str, folder: str) -> Context:
    values = {}
    for key, raw in settings.items():
        if key not in CONTEXT_KINDS:
            known = ", ".join(CONTEXT_KINDS)
            raise ConfigError(f"{where} has the unknown key {key!r}", hint=f"a context may have: {known}")
        if raw is None:
            continue
        kind = CONTEXT_KINDS[key]
        try:
            values[key] = str(kind.parse(raw, folder=Path(folder)))
        except ValueError as error:
            raise ConfigError(f"{where}: {key} {error}", hint=f"{key} is {kind.describe()}") from None
    if "colony" not in values:
        raise ConfigError(f"{where}: colony is empty", hint="colony is HOST:PORT")
    return Context(**values)


def _not_in_project(name: str, *, known: bool, where: str) -> ConfigError:
    allowed = ", ".join(key.name for key in KEYS if key.in_project)
    if not known:
        return ConfigError(f"{where}: a project file cannot set {name!r}", hint=f"it may set: {allowed}")
    command = "coral config add-context" if name == CONTEXTS else f"coral config set {name} ..."
    return ConfigError(
        f"{where}: {name} cannot be set by a project file, because its folder may be anybody's",
        hint=f"it belongs into your own file: {command}; a project file may set: {allowed}",
    )


def _nearest(name: str) -> str:
    import difflib

    close = difflib.get_close_matches(name, _LEAVES, n=1)
    return "known keys: " + ", ".join(_LEAVES) + (f"; did you mean {close[0]!r}?" if close else "")


def shown(path: str) -> str:
    """A path for messages: `./coral.yaml` or `../coral.yaml` where it is near."""
    relative = os.path.relpath(path)
    return relative if relative.startswith(os.pardir) else os.path.join(os.curdir, relative)
