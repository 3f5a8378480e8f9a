"""`coral examples`: the scripts that come with Coral."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from coral.cli.scaffold import create_script, script_path
from coral.errors import UsageError
from coral.printing import emit, show_lines


def example_names() -> list[str]:
    """The names of all examples."""
    from coral.runner.places import examples_dir

    try:
        entries = os.listdir(examples_dir())
    except FileNotFoundError:
        return []  # a source tree that is not set up; `example:NAME` says so
    return sorted(entry[:-3] for entry in entries if entry.endswith(".ts"))


def complete_example(ctx: click.Context, _: click.Parameter, typed: str) -> list[CompletionItem]:
    """Completes an example's name."""
    return [CompletionItem(name, help=_about(name)) for name in example_names() if name.startswith(typed)]


@click.group()
def examples() -> None:
    """List, show and copy the scripts that come with Coral.

    They run without a copy, too: coral run example:latency-report
    """


@examples.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_examples(as_json: bool) -> int:
    """List the examples."""
    names = example_names()
    if as_json:
        from coral.cli.output import render_json

        emit(render_json([{"name": name, "about": _about(name)} for name in names]))
        return 0
    width = max((len(name) for name in names), default=0)
    show_lines(*[f"{name:<{width}}  {_about(name)}" for name in names])
    return 0


@examples.command()
@click.argument("name", shell_complete=complete_example)
def show(name: str) -> int:
    """Print an example."""
    emit(_text(name))
    return 0


@examples.command()
@click.argument("name", shell_complete=complete_example)
@click.argument("file", required=False, type=click.Path())
@click.option("--force", is_flag=True, help="Replace the file if it is there already.")
def copy(name: str, file: str | None, force: bool) -> int:
    """Copy an example to FILE (by default NAME.ts here), to change it.

    A FILE that is a folder, or ends in a slash, gets NAME.ts in it.
    """
    text = _text(name)
    own_name = f"{name.removeprefix('example:')}.ts"
    if file is None or file.endswith(("/", os.sep)) or os.path.isdir(file):
        file = os.path.join(file or "", own_name)
    path = script_path(file)
    if path is None:
        raise UsageError(
            f"{file!r} names no file", hint=f"for example: coral examples copy {own_name[:-3]} mine.ts"
        )
    create_script(path, text, force=force, hint="name another file, or replace it with --force")
    return 0


def _text(name: str) -> str:
    from coral.runner.source import find_source

    path = find_source(f"example:{name.removeprefix('example:')}").path
    assert path is not None
    return Path(path).read_text(encoding="utf-8")


def _about(name: str) -> str:
    from coral.runner.describe import doc_comment

    return doc_comment(_text(name)).partition("\n")[0].rstrip(":")
