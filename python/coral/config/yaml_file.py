"""A YAML file as values by dotted key, each with its line."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coral.errors import ConfigError


@dataclass(frozen=True)
class FileValue:
    """A value and where it stands.

    Attributes:
        value: As YAML gives it.
        line: From 1.
    """

    value: Any
    line: int


def read_yaml(path: Path, *, leaves: Collection[str], problems: list[str]) -> dict[str, FileValue]:
    """Reads a configuration file.

    Args:
        path: The file.
        leaves: Dotted keys whose values are taken as they are, mappings too.
        problems: Gets a sentence for each key that stands twice, has no text for a name, or is a
            section without keys.

    Returns:
        Values by dotted key. Mappings are entered where `leaves` has keys below them; an unknown one is
        answered as one value.

    Raises:
        ConfigError: There is no such file, or it is not YAML with keys.
    """
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(
            f"the configuration file {path} cannot be read: {reason}", hint="is --config right?"
        ) from None
    loader = None
    try:
        loader = yaml.SafeLoader(text)  # refuses control characters
        root = loader.get_single_node()
        if root is None:
            return {}
        if not isinstance(root, yaml.MappingNode):
            raise ConfigError(f"{path} holds no keys", hint="write one KEY: VALUE a line")
        walk = _Walk(loader, path, leaves, problems)
        return dict(walk.mapping(root, ""))
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f":{error.problem_mark.line + 1}"
        reason = " ".join(part for part in (error.context, error.problem) if part)
        raise ConfigError(f"{path}{line} is not YAML: {reason}", hint="write one KEY: VALUE a line") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    finally:
        if loader is not None:
            loader.dispose()


class _Walk:
    """Through the mappings of a file."""

    def __init__(self, loader: Any, path: Path, leaves: Collection[str], problems: list[str]) -> None:
        self._loader = loader
        self._path = path
        self._leaves = leaves
        self._problems = problems

    def mapping(self, node: Any, prefix: str) -> Iterator[tuple[str, FileValue]]:
        """The values of a mapping and of the sections below it."""
        seen: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            name = self._loader.construct_object(key_node, deep=True)
            if not isinstance(name, str):
                self._problems.append(f"{self._path}:{line}: the key {name!r} is not text; put it in quotes")
                continue
            key = f"{prefix}{name}"
            if name in seen:
                self._problems.append(f"{self._path}:{line}: the key {key!r} stands in line {seen[name]} too")
                continue
            seen[name] = line
            is_section = any(leaf.startswith(f"{key}.") for leaf in self._leaves)
            if not is_section or key in self._leaves:
                yield key, FileValue(self._loader.construct_object(value_node, deep=True), line)
            elif value_node.id == "mapping":
                yield from self.mapping(value_node, f"{key}.")
            elif self._loader.construct_object(value_node, deep=True) is not None:
                below = sorted(
                    leaf.removeprefix(f"{key}.") for leaf in self._leaves if leaf.startswith(f"{key}.")
                )
                self._problems.append(
                    f"{self._path}:{line}: {key} is a section, expected the keys {', '.join(below)} below it"
                )
