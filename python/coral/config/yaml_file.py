"""A YAML file as values by dotted key, each with its line."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coral.config.bounded_file import MAX_SERVER_CONFIG_BYTES, read_bounded
from coral.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from coral.config.bounded_yaml import BoundedYaml


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
    """Reads a configuration file of a colony or an agent.

    Args:
        path: The file, or a pipe.
        leaves: Dotted keys whose values are taken as they are, mappings too.
        problems: Gets a sentence for each key that stands twice, has no text for a name, or is a
            section without keys.

    Returns:
        Values by dotted key. Mappings are entered where `leaves` has keys below them; an unknown one is
        answered as one value.

    Raises:
        ConfigError: There is no such file, it is too large, or it is not YAML with keys.
    """
    text = read_bounded(
        str(path),
        f"the configuration file {path}",
        most_bytes=MAX_SERVER_CONFIG_BYTES,
        hint="is --config right?",
        pipes=True,
    )
    return parse_yaml(text, str(path), leaves=leaves, problems=problems)


def parse_yaml(
    text: str,
    path: str,
    *,
    leaves: Collection[str],
    problems: list[str],
    hint: str = "write one KEY: VALUE a line",
) -> dict[str, FileValue]:
    """Reads the text of a configuration file, as `read_yaml` does.

    Args:
        text: What is in the file.
        path: The file, for messages.
        leaves: As of `read_yaml`.
        problems: As of `read_yaml`.
        hint: What to do where it is not YAML with keys.

    Raises:
        ConfigError: It is not YAML with keys, or nested too deep.
    """
    from coral.config.bounded_yaml import BoundedYaml, YamlProblem

    try:
        document = BoundedYaml(text)
        if document.root is None:
            return {}
        if document.root.id != "mapping":
            raise ConfigError(f"{path} holds no keys", hint=hint)
        return dict(_Walk(document, path, leaves, problems).mapping(document.root, ""))
    except YamlProblem as problem:
        line = "" if problem.line is None else f":{problem.line}"
        what = "is not YAML" if problem.is_syntax else "cannot be used"
        raise ConfigError(f"{path}{line} {what}: {problem.reason}", hint=hint) from None


class _Walk:
    """Through the mappings of a file."""

    def __init__(
        self, document: BoundedYaml, path: str, leaves: Collection[str], problems: list[str]
    ) -> None:
        self._document = document
        self._path = path
        self._leaves = leaves
        self._problems = problems

    def mapping(self, node: Any, prefix: str) -> Iterator[tuple[str, FileValue]]:
        """The values of a mapping and of the sections below it."""
        seen: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            name = self._document.value(key_node)
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
                yield key, FileValue(self._document.value(value_node), line)
            elif value_node.id == "mapping":
                yield from self.mapping(value_node, f"{key}.")
            elif self._document.value(value_node) is not None:
                below = sorted(
                    leaf.removeprefix(f"{key}.") for leaf in self._leaves if leaf.startswith(f"{key}.")
                )
                self._problems.append(
                    f"{self._path}:{line}: {key} is a section, expected the keys {', '.join(below)} below it"
                )
