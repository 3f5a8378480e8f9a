"""Functions of a Python program, read from its source; nothing of it is imported or run.

The program's modules are those that its start names and imports, followed through all imports that
lead to its own folders (not to installed libraries), and whole packages of which one module is used:
frameworks load the others by name. Runs only in the reading child.
"""

from __future__ import annotations

import ast
import time
import warnings
from collections.abc import Iterator
from typing import Final

from coral.agent.functions.program import FoundFunction, Program, PythonJob
from coral.agent.functions.python_modules import Module, ModuleFinder
from coral.agent.functions.python_start import find_start
from coral.limits import MAX_PROGRAM_FUNCTIONS, MAX_SOURCE_BYTES, MAX_SOURCE_FILES, READ_PROGRAM_SECONDS

_SHARE_OF_TIME: Final = 0.7  # the rest is for sorting and answering


def read_python(job: PythonJob) -> Program:
    """The functions and methods of a Python program, named `module.Class.method`.

    Raises:
        UsageError: The program's source cannot be found.
    """
    finder = ModuleFinder(job.root)
    waiting = find_start(job, finder)
    seen = {module.path for module in waiting}
    found: set[FoundFunction] = set()
    notes: list[str] = []
    unreadable: list[str] = []
    cut = False
    deadline = time.monotonic() + READ_PROGRAM_SECONDS * _SHARE_OF_TIME
    files = 0
    while waiting:
        if files >= MAX_SOURCE_FILES or time.monotonic() > deadline or len(found) > MAX_PROGRAM_FUNCTIONS:
            notes.append(_why_cut(files, len(found)))
            cut = True
            break
        module = waiting.pop()
        files += 1
        tree = _parse(finder, module)
        if tree is None:
            unreadable.append(module.path)
            continue
        found.update(_functions(tree, module))
        for reached in _reached(tree, module, finder):
            if reached.path not in seen:
                seen.add(reached.path)
                waiting.append(reached)
    if unreadable:
        some = ", ".join(sorted(unreadable)[:3]) + (", ..." if len(unreadable) > 3 else "")
        notes.append(f"{len(unreadable)} source file(s) could not be read: {some}")
    return Program(sorted(found)[:MAX_PROGRAM_FUNCTIONS], cut=cut, notes=notes)


def _why_cut(files: int, functions: int) -> str:
    if functions > MAX_PROGRAM_FUNCTIONS:
        reason = f"it has more than {MAX_PROGRAM_FUNCTIONS} functions, the limit MAX_PROGRAM_FUNCTIONS"
    elif files >= MAX_SOURCE_FILES:
        reason = f"it has more than {MAX_SOURCE_FILES} source files, the limit MAX_SOURCE_FILES"
    else:
        reason = f"the time of READ_PROGRAM_SECONDS ({READ_PROGRAM_SECONDS:g} s) was used up"
    return f"the program was read in part, {files} source files: {reason}"


def _parse(finder: ModuleFinder, module: Module) -> ast.Module | None:
    source = finder.read(module.path, MAX_SOURCE_BYTES)
    if source is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the program's own code
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None  # written for another Python, or no Python; counted by the caller


def _functions(tree: ast.Module, module: Module) -> Iterator[FoundFunction]:
    waiting: list[tuple[ast.AST, str]] = [(tree, module.name)]
    while waiting:
        node, prefix = waiting.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                name = f"{prefix}.{child.name}"
                yield FoundFunction(name, module.path, child.lineno, module.path, 0)
                waiting.append((child, f"{name}.<locals>"))  # as __qualname__
            elif isinstance(child, ast.ClassDef):
                waiting.append((child, f"{prefix}.{child.name}"))
            else:
                waiting.append((child, prefix))


def _reached(tree: ast.Module, module: Module, finder: ModuleFinder) -> Iterator[Module]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from finder.reach(alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, module)
            yield from finder.reach(base)
            for alias in node.names:
                yield from finder.reach(f"{base}.{alias.name}" if base else alias.name)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # "shop.settings", "shop.web:app": how frameworks are told what to load.
            name = node.value.partition(":")[0]
            if "." in name and all(part.isidentifier() for part in name.split(".")):
                yield from finder.reach(name)


def _base(node: ast.ImportFrom, module: Module) -> str:
    if node.level == 0:
        return node.module or ""
    parts = module.name.split(".")
    up = node.level - 1 if module.is_package else node.level
    kept = parts[: len(parts) - up] if up else parts
    return ".".join([*kept, *([node.module] if node.module else [])])
