"""Where a Python program starts, from its command line: a script, a module, or what a launcher loads."""

from __future__ import annotations

import ast
import os
from typing import Final

from coral.agent.functions.program import PythonJob
from coral.agent.functions.python_modules import Module, ModuleFinder
from coral.errors import UsageError
from coral.limits import MAX_SOURCE_BYTES

_HINT: Final = (
    "name the folder of its source: functions: {SERVICE: /path/to/source} in the agent's configuration"
)
_SITES: Final = ("site-packages", "dist-packages")


def find_start(job: PythonJob, finder: ModuleFinder) -> list[Module]:
    """The modules that a program starts with; its folders are added to `finder`.

    Launchers (`gunicorn shop.web:app`, `python -m uvicorn ...`, console scripts of a virtual
    environment) are looked through: the program is what their arguments name, or else their own package.

    Raises:
        UsageError: There is no such source.
    """
    script, module, arguments = _entry(job.arguments)
    folder = job.folder or "/"
    for entry in job.python_path.split(":"):
        if entry:
            finder.add_folder(_absolute(entry, folder))
    sites = _sites(job, script, folder, finder)
    if script:
        path = _absolute(script, folder)
        if finder.is_folder(path):
            return _folder(path, finder)
        if not _is_launcher(path, finder):
            return _script(path, finder, sites)
        finder.add_folder(folder)
        _add_linked(sites, finder)
        return _named(arguments, finder) or _launched(_imports(path, finder), sites, finder, job)
    if not module:
        raise UsageError(
            f"the program {' '.join(job.arguments[:3])!r} has no source: it was typed or piped in", hint=_HINT
        )
    finder.add_folder(folder)
    _add_linked(sites, finder)
    own = finder.reach(module)
    if own:
        return [*own]
    return _named(arguments, finder) or _launched([module], sites, finder, job)


def _entry(arguments: list[str]) -> tuple[str, str, list[str]]:
    """Script, module and the program's own arguments of a Python command line; see `python --help`."""
    rest = arguments[1:]
    while rest:
        argument = rest.pop(0)
        if argument == "-" or not argument.startswith("-"):
            return ("" if argument == "-" else argument), "", rest
        if argument.startswith("--"):
            if argument == "--check-hash-based-pycs":
                del rest[:1]
            continue
        for at, letter in enumerate(argument[1:], start=1):
            if letter in "cmWX":
                value = argument[at + 1 :] or (rest.pop(0) if rest else "")
                if letter == "c":
                    return "", "", rest
                if letter == "m":
                    return "", value, rest
                break
    return "", "", []


def _folder(path: str, finder: ModuleFinder) -> list[Module]:
    main = f"{path}/__main__.py"
    finder.add_folder(path)
    found = list(finder.below(path))
    if not found and not finder.is_file(main):
        raise UsageError(f"there is no Python source below {path}", hint=_HINT)
    return found


def _script(path: str, finder: ModuleFinder, sites: list[str]) -> list[Module]:
    if not finder.is_file(path):
        raise UsageError(f"the script {path} is not there any more, or may not be read", hint=_HINT)
    finder.add_folder(os.path.dirname(path))
    _add_linked(sites, finder)
    return [Module(os.path.basename(path).removesuffix(".py"), path)]


def _is_launcher(path: str, finder: ModuleFinder) -> bool:
    """Whether a script is one of those that installers put beside the interpreter."""
    if path.endswith(".py"):
        return False
    beside = finder.names(os.path.dirname(path))
    return os.path.basename(os.path.dirname(path)) in ("bin", "sbin") or "python" in beside


def _named(arguments: list[str], finder: ModuleFinder) -> list[Module]:
    """What arguments such as `shop.web:app`, `-A shop` or `--app=shop.web` name in the program's folders."""
    found: dict[str, Module] = {}
    for argument in arguments:
        name = argument.rpartition("=")[2].partition(":")[0].removesuffix(".py").replace("/", ".")
        if name and all(part.isidentifier() for part in name.split(".")):
            found.update({module.path: module for module in finder.reach(name)})
    return list(found.values())


def _launched(names: list[str], sites: list[str], finder: ModuleFinder, job: PythonJob) -> list[Module]:
    tops = frozenset(name.partition(".")[0] for name in names)
    for site in sites:
        finder.add_folder(site, only=tops)
    found = {module.path: module for name in names for module in finder.reach(name)}
    if not found:
        raise UsageError(f"the source of {' '.join(job.arguments[:3])!r} was not found", hint=_HINT)
    return list(found.values())


def _imports(path: str, finder: ModuleFinder) -> list[str]:
    """What a console script imports, but for the standard library's `sys` and `re`."""
    source = finder.read(path, MAX_SOURCE_BYTES) or b""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return []
    names = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    names += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    return [name for name in names if name not in ("sys", "re", "os", "importlib.metadata")]


def _sites(job: PythonJob, script: str, folder: str, finder: ModuleFinder) -> list[str]:
    """Folders of installed packages: of the virtual environment, of the interpreter, of the system."""
    homes = [job.virtual_env] if job.virtual_env else []
    programs = [program for program in (*job.arguments[:1], script) if "/" in program]
    homes += [os.path.dirname(os.path.dirname(_absolute(program, folder))) for program in programs]
    found: list[str] = []
    for home in dict.fromkeys([*homes, "/usr/local", "/usr"]):
        for version in finder.names(f"{home}/lib"):
            if version.startswith("python3"):
                found += [f"{home}/lib/{version}/{site}" for site in _SITES]
    return [site for site in dict.fromkeys(found) if finder.is_folder(site)]


def _add_linked(sites: list[str], finder: ModuleFinder) -> None:
    """Folders that `.pth` files add: how packages are installed for development."""
    for site in sites:
        for name in finder.names(site):
            if not name.endswith(".pth"):
                continue
            for line in (
                (finder.read(f"{site}/{name}", 65_536) or b"").decode("utf-8", "replace").splitlines()
            ):
                if line.startswith("/"):
                    finder.add_folder(line.strip())


def _absolute(path: str, folder: str) -> str:
    return os.path.normpath(os.path.join(folder, path))
