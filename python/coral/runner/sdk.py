"""Where the package keeps the files that scripts load: the SDK's bundle, its types, the guard."""

from __future__ import annotations

import os

from coral.errors import RuntimeMissingError

_PACKAGE = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))


def sdk_bundle() -> str:
    """Returns the path of the SDK's one JavaScript file.

    Raises:
        RuntimeMissingError: The package is incomplete.
    """
    return _required(os.path.join("_sdk", "mod.js"))


def sdk_types() -> str:
    """Returns the path of the SDK's type declarations, for `deno check`.

    Raises:
        RuntimeMissingError: The package is incomplete.
    """
    return _required(os.path.join("_sdk", "types", "mod.d.ts"))


def guard_path() -> str:
    """Returns the path of the module that runs before each script."""
    return os.path.join(_PACKAGE, "runner", "guard.js")


def deno_package() -> str:
    """Returns the directory that carries Deno inside the package."""
    return os.path.join(_PACKAGE, "_deno")


def _required(name: str) -> str:
    path = os.path.join(_PACKAGE, name)
    if not os.path.exists(path):
        raise RuntimeMissingError(
            f"{path} is missing",
            hint="reinstall the package coral; in a source tree run ./bazelw run //:dev",
        )
    return path
