"""Where things are: files of the package, and directories that can be written.

A read-only home is normal in containers: a private temporary directory then stands in for the cache.
"""

from __future__ import annotations

import os

from coral.config.paths import cache_dir, own_uid
from coral.errors import RuntimeMissingError

_PACKAGE = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))


def candidate_bases() -> list[str]:
    """Returns the base directories in the order of preference; they need not exist.

    The last one is for a read-only home: a directory of this user in the system's temporary one.
    """
    return [cache_dir(), _temporary_base()]


def writable_base() -> str | None:
    """Returns the first base directory that can be written, made if need be, or None."""
    for base in candidate_bases():
        if usable(base) is None:
            return base
    return None


def usable(base: str) -> str | None:
    """Makes a base directory if need be and says why it cannot be used, or None if it can.

    A directory that another user owns is refused: who owns it could swap the binary we run.
    """
    try:
        os.makedirs(base, mode=0o700, exist_ok=True)
        status = os.lstat(base)
    except OSError as error:
        return error.strerror or str(error)
    if os.path.islink(base):
        try:
            status = os.stat(base)
        except OSError as error:
            return error.strerror or str(error)
    if status.st_uid != own_uid():
        return f"belongs to user {status.st_uid}"
    if base == _temporary_base() and (os.path.islink(base) or status.st_mode & 0o077):
        return "is not private (expected mode 0700)"
    if not os.access(base, os.W_OK | os.X_OK):
        return "is read-only"
    return None


def _temporary_base() -> str:
    # tempfile.gettempdir() without its import, which costs 7 ms.
    for directory in (os.environ.get("TMPDIR"), "/tmp", "/var/tmp"):
        if directory and os.path.isdir(directory) and os.access(directory, os.W_OK | os.X_OK):
            break
    else:
        directory = "/tmp"
    return os.path.join(os.path.abspath(directory), f"coral-{own_uid()}")


def close_storage(deno_dir: str) -> None:
    """Closes a DENO_DIR, made if need be, for `localStorage` and `caches`.

    They write below `location_data` without any permission, hundreds of megabytes if they like. A
    regular file of that name stops them.
    """
    stopper = os.path.join(deno_dir, "location_data")
    if not os.path.isfile(stopper):
        os.makedirs(deno_dir, mode=0o700, exist_ok=True)
        os.close(os.open(stopper, os.O_WRONLY | os.O_CREAT, 0o400))


def sdk_bundle() -> str:
    """Returns the path of the SDK's one JavaScript file.

    Raises:
        RuntimeMissingError: The package is incomplete.
    """
    return _required(os.path.join("_sdk", "mod.js"))


def sdk_skills() -> str:
    """Returns the path of the module that `@coral/sdk/skills` stands for, beside the SDK."""
    return os.path.join(_PACKAGE, "_sdk", "skills.js")


def sdk_types() -> str:
    """Returns the path of the SDK's type declarations, for `deno check`.

    Raises:
        RuntimeMissingError: The package is incomplete.
    """
    return _required(os.path.join("_sdk", "types", "mod.d.ts"))


def report_page() -> str:
    """Returns the path of the page into which a report's data are put.

    Raises:
        RuntimeMissingError: The package is incomplete.
    """
    return _required(os.path.join("_sdk", "report.html"))


def prelude(name: str) -> str:
    """Returns the text of a module of ours that runs before the script: `guard`, `report`, ..."""
    with open(prelude_path(name), encoding="utf-8") as file:
        return file.read()


def prelude_path(name: str) -> str:
    """Returns the path of such a module."""
    return os.path.join(_PACKAGE, "runner", f"{name}.js")


def example_path(name: str) -> str | None:
    """Returns the path of a script that comes with Coral, or None."""
    path = os.path.join(examples_dir(), f"{name}.ts")
    plain = name.replace("-", "").replace("_", "").isalnum()
    return path if plain and os.path.isfile(path) else None


def examples_dir() -> str:
    """Returns the directory of the scripts that come with Coral."""
    return os.path.join(_PACKAGE, "_examples")


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
