"""Where Coral keeps its files when the environment says little or nonsense."""

from __future__ import annotations

import os
import sys

import pytest

from coral.config import paths

if sys.platform == "win32":
    pytest.skip("Windows has homes of another kind", allow_module_level=True)

import pwd

ALL = (paths.config_dir, paths.state_dir, paths.cache_dir)


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "CORAL_CACHE_DIR", "HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("home", [None, "", "relative", "./x"])
def test_without_a_home_in_the_environment_the_system_knows_it(
    home: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if home is not None:
        monkeypatch.setenv("HOME", home)
    own = pwd.getpwuid(os.getuid()).pw_dir
    assert [find() for find in ALL] == [
        f"{own}/.config/coral",
        f"{own}/.local/state/coral",
        f"{own}/.cache/coral",
    ]


def test_a_user_without_a_home_gets_nothing_below_the_current_directory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 3_999_999)
    for find in ALL:
        assert find().startswith("/nonexistent/")


def test_relative_places_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/of")
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, "relative")
    assert [find() for find in ALL] == [
        "/home/of/.config/coral",
        "/home/of/.local/state/coral",
        "/home/of/.cache/coral",
    ]
