"""The modules of a plain `coral run` in one file, so that starting takes one read instead of eighty calls.

Python looks for each module in a folder, opens it, reads it, checks it: 27 modules take 4.6 ms, the file
takes 1.6. What the package says about its Deno is in it as well, so that no JSON is read. It lies beside
the `.pyc` files and is as good as they are: for one version of Python, only as long as each source has
the size and the time that it had, and without it everything works from the sources.
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

# What a run without further options imports, each after those that it imports itself; packages end in a
# slash. A test compares. No `__future__` here: it would be looked for in the standard library, for 0.2 ms.
MODULES = (
    "cli/",
    "config/",
    "errors",
    "config/address",
    "config/access",
    "config/paths",
    "config/frames_file",
    "config/fast_json",
    "config/effective",
    "runner/",
    "runner/places",
    "script_limits",
    "runner/policy",
    "runner/binary",
    "runner/containment/",
    "runner/containment/kernel",
    "runner/containment/landlock",
    "runner/containment/seccomp",
    "runner/containment/launch",
    "runner/containment/switches",
    "runner/containment/confine",
    "runner/folder",
    "runner/imports",
    "runner/source",
    "colours",
    "runner/job",
    "runner/connection",
    "runner/process",
    "runner/head_start",
    "runner/script",
    "cli/direct_run",
)
# And what it imports when the script's process starts already.
LATE = ("runner/containment/watchdog",)
_MANIFEST = os.path.join(_PACKAGE, "_deno", "manifest.json")

manifest: "dict[str, object] | None" = None
"""What stands in the manifest of the package's Deno, where the file told it."""


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
    for module in (*MODULES, *LATE):
        status = os.stat(source_of(module))
        found += (status.st_size, status.st_mtime_ns)
    try:
        status = os.stat(_MANIFEST)
        found += (status.st_size, status.st_mtime_ns)
    except FileNotFoundError:
        found.append(None)  # a source tree may have none
    return found


def may_be_written() -> bool:
    """Says whether the file can be written, and whether the user wants such files."""
    return not sys.dont_write_bytecode and os.access(os.path.dirname(file_path()), os.W_OK)


def use() -> bool:
    """Lets the modules come from the file.

    Returns:
        False where the file cannot be used; then they come from where all others come from.
    """
    global manifest
    try:
        with open(file_path(), "rb", buffering=0) as file:
            of, codes, kept = marshal.loads(file.read())
        if of != state():
            return False
    except (OSError, EOFError, ValueError, TypeError):
        return False
    manifest = kept
    sys.meta_path.insert(0, _Finder(codes))
    late = {name_of(module) for module in LATE}
    for name in codes:
        if name not in late:
            _load(name, codes[name])
    return True


def name_of(module: str) -> str:
    """Returns the name by which a module is imported."""
    return "coral." + module.rstrip("/").replace("/", ".")


def _load(name: str, code: "CodeType") -> None:
    """Does what an import does at the first time, without looking for anything: a third of its time."""
    if name in sys.modules:
        return  # another has imported it
    module = _Module(name)
    parent, _, own = name.rpartition(".")
    names = module.__dict__
    names["__file__"] = code.co_filename
    names["__package__"] = parent
    if code.co_filename.endswith("__init__.py"):
        names["__package__"] = name
        names["__path__"] = [os.path.dirname(code.co_filename)]
    sys.modules[name] = module
    exec(code, names)
    setattr(sys.modules[parent], own, module)


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


_Module: "type[ModuleType]" = type(sys)  # types costs 0.3 ms
_Spec: "type[ModuleSpec]" = type(sys.__spec__)  # importlib.machinery costs 1 ms
