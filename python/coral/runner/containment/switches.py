"""Layers that the user has switched off, for a machine on which one of them does not work.

`CORAL_CONTAINMENT_OFF=landlock,seccomp`; `all` for every one. A script never sees the variable, and every
run says it on stderr.
"""

from __future__ import annotations

import os

from coral.errors import ConfigError

VARIABLE = "CORAL_CONTAINMENT_OFF"
LAYERS = ("landlock", "seccomp", "cgroup", "rlimits")


def switched_off() -> frozenset[str]:
    """Returns the layers that are switched off.

    Raises:
        ConfigError: The variable names no layer.
    """
    text = os.environ.get(VARIABLE, "")
    if not text:
        return frozenset()
    names = {name.strip() for name in text.split(",") if name.strip()}
    unknown = sorted(names - {*LAYERS, "all"})
    if unknown:
        raise ConfigError(
            f"environment variable {VARIABLE}: there is no layer {unknown[0]!r}",
            hint=f"layers are {', '.join(LAYERS)}, or all",
        )
    return frozenset(LAYERS) if "all" in names else frozenset(names)
