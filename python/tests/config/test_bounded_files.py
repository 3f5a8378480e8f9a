"""Files of settings are read whole or refused: of bounded size and nesting, and nothing that waits or never ends."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from coral.clock import FixedClock
from coral.config.access import read_authorities, read_token
from coral.config.bounded_file import MAX_CONFIG_BYTES, MAX_PEM_BYTES, MAX_SECRET_BYTES, read_bounded
from coral.config.bounded_yaml import BoundedYaml, YamlProblem, load_yaml
from coral.config.edit import change
from coral.config.file import read_file
from coral.config.token_file import read_tokens
from coral.errors import ConfigError
from coral.serve.certificate import ServerCertificate
from coral.serve.tokens import Tokens

DEADLINE_SECONDS = 30.0


def text_of(path: Path, *, pipes: bool = False, owners: tuple[int, ...] = ()) -> str:
    return read_bounded(str(path), "the file", most_bytes=10, hint="look", pipes=pipes, owners=owners)


def in_time(call: Callable[[], object]) -> BaseException | None:
    """What a call raises; fails where it waits for ever, as opening a pipe does."""
    raised: list[BaseException | None] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:
            raised.append(error)
        else:
            raised.append(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(DEADLINE_SECONDS)
    assert raised, "it waits"
    return raised[0]


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """A named pipe that nobody writes into."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def test_a_file_as_large_as_may_be(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("0123456789")
    assert text_of(path) == "0123456789"
    path.write_text("0123456789x")
    with pytest.raises(ConfigError, match=r"^the file is larger than 0 KiB$"):
        text_of(path)


@pytest.mark.parametrize("name", ["pipe", "link", "folder", "/dev/zero"])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, pipe: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("/dev/zero")
    kind = {"pipe": "a named pipe", "folder": "a directory"}.get(name, "a device")
    error = in_time(lambda: text_of(tmp_path / name))
    assert isinstance(error, ConfigError)
    assert (error.message, error.hint) == (
        f"the file is {kind}, expected a file",
        "put a file in its place, or remove it",
    )


def test_a_file_that_is_hidden_by_the_null_device_is_empty(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(os.devnull)
    assert text_of(tmp_path / "link") == ""


def test_what_becomes_a_pipe_after_the_look_is_refused_too(
    tmp_path: Path, pipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_text("x")
    opened = os.open

    def swap(name: str, flags: int) -> int:
        os.replace(pipe, name)
        return opened(name, flags)

    monkeypatch.setattr(os, "open", swap)
    error = in_time(lambda: text_of(path))
    assert isinstance(error, ConfigError)
    assert error.message == "the file is a named pipe, expected a file"


def test_a_pipe_that_the_user_names_is_read_to_the_limit(pipe: Path) -> None:
    def written(text: bytes) -> str:
        writer = threading.Thread(target=lambda: pipe.write_bytes(text))
        writer.start()
        try:
            return text_of(pipe, pipes=True)
        finally:
            writer.join()

    assert written(b"0123456789") == "0123456789"
    with pytest.raises(ConfigError, match="larger than"):
        written(b"0123456789x")
    error = in_time(lambda: text_of(Path("/dev/zero"), pipes=True))
    assert isinstance(error, ConfigError)
    assert "larger than" in error.message


def test_owner_of_the_file_and_of_the_link(tmp_path: Path) -> None:
    own, path, link = os.geteuid(), tmp_path / "a", tmp_path / "link"
    path.write_text("x")
    link.symlink_to(path)
    assert text_of(link, owners=(own,)) == "x"
    with pytest.raises(ConfigError, match=r"^the file belongs to another user$"):
        text_of(path, owners=(own + 1,))
    if own:
        pytest.skip("this user cannot give a file away")
    try:
        os.lchown(link, 12345, 12345)
    except OSError:
        pytest.skip("this user cannot give a file away")
    assert text_of(path, owners=(own,)) == "x"
    with pytest.raises(ConfigError, match=r"^the file belongs to another user$"):
        text_of(link, owners=(own,))
    with pytest.raises(ConfigError, match=r"^the file belongs to another user$"):
        text_of(link, owners=(12345,))


def laughs(brings: str) -> str:
    """Ten lines, each of which stands for nine of the one before."""
    lines = ["l0: &l0 {k: v}"]
    for number in range(10):
        nine = ", ".join([f"*l{number}"] * 9)
        lines.append(f"l{number + 1}: &l{number + 1} {brings.replace('NINE', nine)}")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("[" * 50_000, 1, "nested deeper than 32 levels"),
        ("{a: " * 50_000, 1, "nested deeper than 32 levels"),
        ("- " * 50_000, 1, "nested deeper than 32 levels"),
        ("\n".join(" " * level + "a:" for level in range(300)), 33, "nested deeper than 32 levels"),
        ("- &a0 [x]\n" + "".join(f"- &a{n + 1} [*a{n}]\n" for n in range(100)), 32, "nested deeper"),
        (laughs("[NINE]"), 5, "its aliases (*name) stand for more than 65536 characters together"),
        (laughs("{<<: [NINE]}"), 5, "its aliases (*name) stand for more than 65536 characters together"),
        ("a: &a [*a]", 1, "the alias *a stands for itself"),
        ("a: 2001-99-99", 1, "a value that looks like timestamp and is none (month must be in 1..12)"),
        ("a:\n  - !!bool x", 2, "a value that looks like bool and is none"),
        ('!!int ""', 1, "a value that looks like int and is none"),
        ("a: " + "1" * 5000, 1, "a number of 5000 characters, expected at most 100"),
        ("a: 1" + ":1" * 5000 + ".5", 1, "a number of 10003 characters, expected at most 100"),
        ('"\\UFFFFFFFF"', None, "Python int too large"),
        ("a: [", 1, "while parsing a flow node"),
    ],
)
def test_yaml_that_cannot_be_used(text: str, line: int | None, reason: str) -> None:
    with pytest.raises(YamlProblem) as raised:
        load_yaml(text)
    assert raised.value.reason.startswith(reason)
    assert raised.value.line == line


def test_yaml_as_people_write_it() -> None:
    text = "base: &base {a: 1, b: [x]}\nc: {<<: *base, a: 2}\nd: [*base, *base]\n"
    base = {"a": 1, "b": ["x"]}
    assert load_yaml(text) == {"base": base, "c": {"a": 2, "b": ["x"]}, "d": [base, base]}
    assert load_yaml("[" * 32 + "]" * 32) is not None
    assert load_yaml("# nothing") is None
    assert BoundedYaml("a: 1").root.id == "mapping"


def test_a_file_of_commands_that_cannot_be_read(tmp_path: Path, pipe: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("#" * MAX_CONFIG_BYTES)
    assert read_file(str(path), project=False).values == {}
    with path.open("a") as file:
        file.write("#")
    with pytest.raises(ConfigError, match=r"is larger than 64 KiB$"):
        read_file(str(path), project=False)
    assert isinstance(in_time(lambda: read_file(str(pipe), project=False)), ConfigError)
    assert isinstance(in_time(lambda: change(str(pipe), {"check": True})), ConfigError)


def test_a_change_never_makes_a_file_that_is_not_read_again(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("#" * (MAX_CONFIG_BYTES - 5) + "\n")
    with pytest.raises(ConfigError, match="would be larger than 64 KiB, the most that is read of it"):
        change(str(path), {"check": True})
    assert path.read_text().count("#") == MAX_CONFIG_BYTES - 5


def test_tokens_and_certificates(tmp_path: Path, pipe: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"a" * (MAX_SECRET_BYTES + 1))
    with pytest.raises(ConfigError, match=rf"^the file of the token {path} is larger than 64 KiB$"):
        read_token(str(path))
    path.write_bytes(b"-----BEGIN CERTIFICATE-----" + b"a" * MAX_PEM_BYTES)
    with pytest.raises(
        ConfigError, match=rf"^the file of certificate authorities {path} is larger than 4 MiB$"
    ):
        read_authorities(str(path))
    with pytest.raises(ConfigError, match=rf"^the certificate {path} is larger than 4 MiB$"):
        ServerCertificate(str(path), str(path))
    error = in_time(lambda: ServerCertificate(str(pipe), str(pipe)))
    assert isinstance(error, ConfigError)
    path.write_text("tokens: " + "[" * 5000)
    with pytest.raises(ConfigError, match=r"cannot be used: line 1: nested deeper than 32 levels$"):
        read_tokens(str(path))


def test_a_colony_does_not_wait_for_its_tokens(tmp_path: Path, pipe: Path) -> None:
    path = tmp_path / "tokens.yaml"
    path.write_text("tokens: []\n")
    tokens = Tokens(str(path), clock=FixedClock(datetime(2026, 11, 27)))
    os.replace(pipe, path)
    assert in_time(tokens.refresh) is None
    assert tokens.problems() == [
        f"the file of tokens {path} is a named pipe, expected a file; the tokens from before are in force"
    ]
