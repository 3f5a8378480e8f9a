"""Fixtures of every suite that runs the program."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runner.program import Program


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all tests, warm: Deno is unpacked once."""
    cache = tmp_path_factory.mktemp("cache")
    program = Program(tmp_path_factory.mktemp("home"), cache)
    assert program.run("run", program.script("")).code == 0
    return cache


@pytest.fixture
def coral(tmp_path: Path, cache: Path) -> Program:
    """The program in a fresh home."""
    home = tmp_path / "home"
    home.mkdir()
    return Program(home, cache)
