"""`coral version`."""

from __future__ import annotations

import importlib.metadata
import os

import click

from coral import __version__
from coral.cli.output import render_json
from coral.printing import emit, show_lines


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def version(as_json: bool) -> int:
    """Show the versions of Coral, of its Deno and of its DuckDB."""
    versions = {"coral": __version__, "deno": _deno(), "duckdb": _duckdb()}
    if as_json:
        emit(render_json(versions))
    else:
        for name, number in versions.items():
            show_lines(f"{name} {number or 'not found'}")
    return 0


def _duckdb() -> str | None:
    try:
        return importlib.metadata.version("duckdb")  # importing it costs 140 ms
    except importlib.metadata.PackageNotFoundError:
        return None


def _deno() -> str | None:
    """The version of the Deno that would run a script; None if there is none."""
    from coral.errors import RuntimeMissingError
    from coral.runner.binary import find_deno, read_manifest
    from coral.runner.override import deno_version

    if not os.environ.get("CORAL_DENO_PATH"):
        manifest = read_manifest()
        if manifest is not None:
            return manifest.version
    try:
        return deno_version(find_deno())
    except RuntimeMissingError:
        return None
