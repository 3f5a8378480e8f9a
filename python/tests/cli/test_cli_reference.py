"""docs/reference/cli.md is the help of every command, as the program prints it on 80 columns without colours.

With CORAL_UPDATE_DOCS=1 the page is written anew.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import pytest

from coral.cli.main import coral as program
from tests.runner.program import Program

_PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "cli.md"
_COLUMNS = 80
_HEAD = """# Commands

What `coral COMMAND --help` prints. This page is made of it, and a test holds the two equal (`CORAL_UPDATE_DOCS=1`
writes it anew). Variables and configuration files: [configuration.md](../configuration.md); how commands end:
[exit-codes.md](../exit-codes.md); scripts by example: [running-scripts.md](../guides/running-scripts.md).

"""


def _paths(path: tuple[str, ...] = (), command: click.Command = program) -> Iterator[tuple[str, ...]]:
    """All commands and groups, by their words."""
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            if not below.hidden:
                yield from _paths((*path, name), below)


def _helps(coral: Program) -> dict[str, str]:
    def ask(path: tuple[str, ...]) -> tuple[str, str]:
        ended = coral.run(*path, "--help", COLUMNS=str(_COLUMNS), NO_COLOR="1")
        assert (ended.code, ended.stderr) == (0, ""), path
        return " ".join(("coral", *path)), ended.stdout

    with ThreadPoolExecutor(2) as pool:
        return dict(pool.map(ask, _paths()))


def test_the_reference_of_commands(coral: Program) -> None:
    helps = _helps(coral)
    assert "\x1b" not in "".join(helps.values())
    wide = [line for text in helps.values() for line in text.splitlines() if len(line) > _COLUMNS]
    assert wide == []
    if not _PAGE.parent.exists():
        pytest.skip("the documents are not here: this tree has the package only")
    contents = [f"- [{name}](#{name.replace(' ', '-')})\n" for name in helps]
    sections = [f"\n## {name}\n\n```text\n{text.rstrip()}\n```\n" for name, text in helps.items()]
    page = _HEAD + "".join(contents + sections)
    if os.environ.get("CORAL_UPDATE_DOCS"):
        _PAGE.write_text(page, encoding="utf-8")
    assert _PAGE.read_text(encoding="utf-8") == page, "CORAL_UPDATE_DOCS=1 writes it anew"
