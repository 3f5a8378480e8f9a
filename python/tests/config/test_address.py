from __future__ import annotations

from pathlib import Path

import pytest

from coral.config.address import configured_colony, format_address, parse_address
from coral.config.paths import cache_dir, config_dir, config_file, state_dir
from coral.errors import ConfigError, UsageError


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "CORAL_CACHE_DIR", "CORAL_COLONY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def configure(text: str) -> None:
    path = Path(config_file())
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")


def address_of(flag: str | None) -> str | None:
    colony = configured_colony(flag)
    return None if colony is None else colony.address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:1", ("127.0.0.1", 1)),
        ("localhost:65535", ("localhost", 65535)),
        ("[::1]:4000", ("::1", 4000)),
        ("[fe80::1%eth0]:4000", ("fe80::1%eth0", 4000)),
        ("my-colony.internal:9000", ("my-colony.internal", 9000)),
    ],
)
def test_addresses_are_split_and_joined(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address
    assert format_address(*address) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "host",
        ":1",
        "host:",
        "host:0",
        "host:65536",
        "host:x",
        "host:1 ",
        "::1:4000",
        "[::1]",
        "[host]:1",
        "http://h:1",
        "h/x:1",
        "a b:1",
        "hö:1",
        "user@h:1",
        "h:1,evil:2",
        "h:+1",
        "h:１",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_address(text)
    assert "HOST:PORT" in (caught.value.hint or "")


def test_the_flag_wins_over_the_environment_and_that_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    assert configured_colony(None) is None
    configure("# mine\ncolony: file:1\n")
    assert address_of(None) == "file:1"
    monkeypatch.setenv("CORAL_COLONY", "environment:1")
    assert address_of(None) == "environment:1"
    assert address_of("flag:1") == "flag:1"


def test_an_empty_variable_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORAL_COLONY", "")
    assert configured_colony(None) is None


def test_errors_name_where_the_address_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="'x' is not HOST:PORT"):
        configured_colony("x")
    monkeypatch.setenv("CORAL_COLONY", "x")
    with pytest.raises(ConfigError, match="environment variable CORAL_COLONY: 'x' is not HOST:PORT"):
        configured_colony(None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colony: x", "'x' is not HOST:PORT"),
        ("colony: 5", "colony"),
        ("colonny: a:1", "the key 'colonny' is unknown"),
        ("- a", "holds no keys"),
        ("colony: [", "is not YAML"),
        ("colony: \x00", "is not YAML"),
    ],
)
def test_errors_of_the_file_name_the_file(text: str, message: str) -> None:
    configure(text)
    with pytest.raises(ConfigError) as caught:
        configured_colony(None)
    assert message in caught.value.message
    assert config_file() in caught.value.message


def test_an_unknown_key_suggests_the_right_one() -> None:
    configure("colonny: a:1")
    with pytest.raises(ConfigError) as caught:
        configured_colony(None)
    assert "did you mean 'colony'?" in (caught.value.hint or "")


def test_an_empty_file_sets_nothing() -> None:
    configure("# nothing\n")
    assert configured_colony(None) is None


def test_directories_follow_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert config_dir() == str(tmp_path / "config" / "coral")
    assert state_dir() == str(tmp_path / ".local" / "state" / "coral")
    assert cache_dir() == str(tmp_path / ".cache" / "coral")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_dir() == str(tmp_path / ".cache" / "coral")
    monkeypatch.setenv("XDG_CACHE_HOME", "/c")
    assert cache_dir() == "/c/coral"
    monkeypatch.setenv("CORAL_CACHE_DIR", "/own")
    assert cache_dir() == "/own"
