"""The directories that Coral uses, as the XDG base directory specification names them.

| what   | place                                                          |
|--------|----------------------------------------------------------------|
| config | `$XDG_CONFIG_HOME/coral`, else `~/.config/coral`                |
| state  | `$XDG_STATE_HOME/coral`, else `~/.local/state/coral`            |
| cache  | `$CORAL_CACHE_DIR`, else `$XDG_CACHE_HOME/coral`, else `~/.cache/coral` |

Nothing is created here. Paths are plain strings: `pathlib` costs 6 ms of every `coral run`.
"""

from __future__ import annotations

import os


def config_dir() -> str:
    """Returns the directory of `config.yaml`."""
    return _xdg("XDG_CONFIG_HOME", ".config")


def state_dir() -> str:
    """Returns the directory for what must survive a restart: the local colony's data."""
    return _xdg("XDG_STATE_HOME", os.path.join(".local", "state"))


def cache_dir() -> str:
    """Returns the directory for what can be made again: the unpacked Deno and its caches."""
    override = os.environ.get("CORAL_CACHE_DIR")
    if override:
        return os.path.abspath(override)
    return _xdg("XDG_CACHE_HOME", ".cache")


def own_uid() -> int:
    """Returns this process's user, as files name their owner. Windows has none; there all files say 0."""
    return os.geteuid() if os.name == "posix" else 0


def native_library() -> str | None:
    """Returns where the native library is, if this platform has it; None where the user does without it."""
    if os.environ.get("CORAL_NATIVE") == "0":
        return None
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return os.path.join(package, "_native", "libcoral.so")


def config_file() -> str:
    """Returns the path of the configuration file, which need not exist."""
    return os.path.join(config_dir(), "config.yaml")


def _xdg(variable: str, below_home: str) -> str:
    base = os.environ.get(variable, "")
    # The specification says that a relative path is to be ignored.
    if not os.path.isabs(base):
        base = os.path.join(_home(), below_home)
    return os.path.join(base, "coral")


def _home() -> str:
    """The user's home; a place that cannot be there where the user has none, as in a container."""
    home = os.environ.get("HOME", "")
    if os.path.isabs(home) or os.name != "posix":
        return os.path.expanduser("~")
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return "/nonexistent"
