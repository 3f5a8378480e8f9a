"""The modules of a plain `coral run` in one file, so that starting takes one read instead of eighty calls.

Python looks for each module in a folder, opens it, reads it, checks it: 27 modules take 4.6 ms, the file
takes 2. It lies beside the `.pyc` files and is as good as they are: for one version of Python, only as long
as each source has the size and the time that it had, and without it everything works from the sources.
It is written by the run after which it was missing (`coral.cli.run_path_file`).
"""

import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType
    from typing import Any

_PACKAGE = os.path.dirname(os.path.abspath(__file__))

# What a run without further options imports; packages end in a slash. A test compares. No `__future__` here:
# it would be looked for in the standard library, for 0.2 ms.
MODULES = (
    "cli/",
    "cli/direct_run",
    "config/",
    "config/access",
    "config/address",
    "config/effective",
    "config/fast_json",
    "config/frames_file",
    "config/paths",
    "errors",
    "runner/",
    "runner/binary",
    "runner/containment/",
    "runner/containment/confine",
    "runner/containment/kernel",
    "runner/containment/landlock",
    "runner/containment/launch",
    "runner/containment/seccomp",
    "runner/containment/switches",
    "runner/containment/watchdog",
    "runner/folder",
    "runner/imports",
    "runner/job",
    "runner/places",
    "runner/policy",
    "runner/process",
    "runner/script",
    "runner/source",
    "script_limits",
)


class Unusable(Exception):
    """The file is not there, or it is of other sources than those that are there now."""


def file_path() -> str:
    """Returns where the file is, or will be."""
    return os.path.join(_PACKAGE, "__pycache__", f"run_path.{sys.implementation.cache_tag}.modules")


def source_of(module: str) -> str:
    """Returns the path of a module's source, by its name in `MODULES`."""
    return os.path.join(_PACKAGE, module + "__init__.py" if module.endswith("/") else module + ".py")


def state() -> list[object]:
    """Returns what the file must be of: this interpreter, this place, and these sources.

    Raises:
        OSError: A source is not there.
    """
    found: list[object] = [sys.version, _PACKAGE]
    for module in MODULES:
        status = os.stat(source_of(module))
        found += (status.st_size, status.st_mtime_ns)
    return found


def may_be_written() -> bool:
    """Says whether the file can be written, and whether the user wants such files."""
    return not sys.dont_write_bytecode and os.access(os.path.dirname(file_path()), os.W_OK)


def use() -> bool:
    """Lets the modules come from the file.

    Returns:
        False where the file cannot be used; then they come from where all others come from.
    """
    try:
        with open(file_path(), "rb", buffering=0) as file:
            of, codes = marshal.loads(file.read())
        if of != state():
            return False
    except (OSError, EOFError, ValueError, TypeError):
        return False
    sys.meta_path.insert(0, _Finder(codes))
    return True


class _Finder:
    """Finds and loads what is in the file."""

    def __init__(self, codes: "dict[str, CodeType]") -> None:
        self._codes = codes

    def find_spec(self, name: str, path: object = None, target: object = None) -> "ModuleSpec | None":
        code = self._codes.get(name)
        if code is None:
            return None
        loader: Any = self  # with what import needs of a loader, and no more
        spec = _Spec(name, loader, origin=code.co_filename)
        spec.has_location = True
        if code.co_filename.endswith("__init__.py"):
            spec.submodule_search_locations = [os.path.dirname(code.co_filename)]
        return spec

    def create_module(self, spec: "ModuleSpec") -> None:
        """The usual kind of module."""

    def exec_module(self, module: "ModuleType") -> None:
        exec(self._codes[module.__name__], module.__dict__)


_Spec: "type[ModuleSpec]" = type(sys.__spec__)  # importlib.machinery costs 1 ms
