"""The user's `config.yaml`. Loaded only where the file exists: PyYAML costs 20 ms."""

from __future__ import annotations

from coral.errors import ConfigError

_KEYS = ("colony",)
_EXAMPLE = "it is YAML, such as: colony: 127.0.0.1:4000"


def read_config(path: str) -> dict[str, str]:
    """Reads the configuration file.

    Args:
        path: The file; it exists.

    Returns:
        The keys that are set. Known is `colony`, an address `HOST:PORT`.

    Raises:
        ConfigError: The file cannot be read, is not YAML, or has an unknown key or a value of a
            wrong type.
    """
    import yaml

    try:
        with open(path, encoding="utf-8") as file:
            parsed = yaml.safe_load(file)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{path} cannot be read: {reason}", hint=_EXAMPLE) from None
    if parsed is None:
        return {}
    if not isinstance(parsed, dict):
        raise ConfigError(f"{path} holds no keys", hint=_EXAMPLE)
    for key, value in parsed.items():
        if key not in _KEYS:
            raise ConfigError(f"{path} has the unknown key {key!r}", hint=f"known keys: {_nearest(str(key))}")
        if not isinstance(value, str):
            raise ConfigError(
                f"{path}: {key} is {value!r}, expected text", hint=f'put it in quotes: {key}: "HOST:PORT"'
            )
    return parsed


def _nearest(key: str) -> str:
    import difflib

    close = difflib.get_close_matches(key, _KEYS, n=1)
    return ", ".join(_KEYS) + (f"; did you mean {close[0]!r}?" if close else "")
