"""Writes the file from which the next `coral run` takes its modules (`coral.run_path`)."""

from __future__ import annotations

import ast
import marshal
import os
import tempfile

from coral.errors import RuntimeMissingError
from coral.run_path import LATE, MODULES, file_path, name_of, source_of, state
from coral.runner.binary import manifest_fields

_FUTURE_ANNOTATIONS = 0x1000000  # __future__.annotations.compiler_flag


def write() -> None:
    """Writes it. Without it everything works, so a full disk is no error here."""
    path = file_path()
    try:
        before = state()
        codes = {name_of(module): _code(source_of(module)) for module in (*MODULES, *LATE)}
        with tempfile.NamedTemporaryFile(dir=os.path.dirname(path), delete=False) as file:
            file.write(marshal.dumps((before, codes, manifest_fields())))
        os.chmod(file.name, 0o644)
        os.replace(file.name, path)
    except (OSError, RuntimeMissingError):
        pass  # the next run tries again


def _code(path: str) -> object:
    """Compiles a source without what only readers and type checkers need."""
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read(), path)
    _shorten(tree)
    return compile(tree, path, "exec", flags=_FUTURE_ANNOTATIONS, dont_inherit=True)


def _shorten(tree: ast.Module) -> None:
    """Takes away docstrings, annotations and columns: a third of what is read at each start."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node, clean=False
        ):
            node.body = node.body[1:] or [ast.copy_location(ast.Pass(), node.body[0])]
    _WithoutAnnotations().visit(tree)
    tree.body = [node for node in tree.body if not _is_for_readers(node)]
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt | ast.expr | ast.arg | ast.keyword | ast.alias | ast.excepthandler):
            node.col_offset = node.end_col_offset = -1  # lines are enough for a traceback


class _WithoutAnnotations(ast.NodeTransformer):
    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.returns = None
        self.generic_visit(node)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return ast.copy_location(ast.Assign([node.target], node.value), node)


def _is_for_readers(node: ast.stmt) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "__future__"
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Name)
        and node.test.id == "TYPE_CHECKING"
        and not node.orelse
    )
