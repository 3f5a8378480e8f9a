"""Changes single keys of the user's `config.yaml`; all else in it stays as it is, comments too."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from typing import Any

from coral.config.bounded_file import MAX_CONFIG_BYTES, read_bounded, size_text
from coral.errors import ConfigError, StorageError


def change(path: str, changes: Mapping[str, Any]) -> None:
    """Sets and removes keys at the top of a file, which is replaced as a whole.

    Args:
        path: The file; it need not exist. A link is followed.
        changes: New values by key; None removes a key.

    Raises:
        StorageError: The file cannot be written.
        ConfigError: It cannot be used, or would be too large to be read again.
    """
    path = os.path.realpath(path)
    text = _text_of(path) if os.path.exists(path) else ""
    for key, value in changes.items():
        text = _changed(text, key, value, path)
    if len(text.encode()) > MAX_CONFIG_BYTES:
        raise ConfigError(
            f"{path} would be larger than {size_text(MAX_CONFIG_BYTES)}, the most that is read of it",
            hint="coral config contexts lists what could be removed",
        )
    try:
        _replace(path, text)
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error.strerror}", hint="XDG_CONFIG_HOME names another directory"
        ) from None


def _text_of(path: str) -> str:
    text = read_bounded(
        path,
        f"the configuration file {path}",
        most_bytes=MAX_CONFIG_BYTES,
        hint="check the path and its permissions",
    )
    return text.replace("\r\n", "\n")  # as Windows has it, where it is written so again


def _changed(text: str, key: str, value: Any, path: str) -> str:
    import yaml

    from coral.config.bounded_yaml import BoundedYaml, YamlProblem

    new = "" if value is None else yaml.safe_dump({key: value}, sort_keys=False, allow_unicode=True)
    try:
        document = BoundedYaml(text)
        root = document.root
        whole = {} if root is None else document.value(root)
    except YamlProblem as problem:
        raise ConfigError(f"{path} cannot be used: {problem}", hint="coral config path says where") from None
    if (
        isinstance(root, yaml.MappingNode) and root.flow_style
    ):  # {colony: h:1}: such a file has no lines to keep
        whole.pop(key, None)
        return yaml.safe_dump({**whole, **({} if value is None else {key: value})}, sort_keys=False)
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    for name, node in [] if root is None else root.value:
        if name.value != key:
            continue
        first, end = name.start_mark.line, node.end_mark
        # A block ends where the next thing begins: lines between that say nothing are not its own.
        last = end.line if end.column == 0 and end.line > first else end.line + 1
        while last > first + 1 and lines[last - 1].lstrip()[:1] in ("", "#"):
            last -= 1
        return "".join([*lines[:first], new, *lines[last:]])
    return "".join([*lines, new])


def _replace(path: str, text: str) -> None:
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=".config.", dir=folder)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
