from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from coral.errors import LimitError
from coral.runner import folder
from coral.runner.folder import Folder, look_at


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a script, a library and a folder of data."""
    place = tmp_path / "place"
    (place / "data" / "deep").mkdir(parents=True)
    for name in ("script.ts", "lib.ts", "data/a.json", "data/deep/b.json"):
        (place / name).write_text("1")
    (tmp_path / "outside.ts").write_text("2")
    return place


def look(place: Path) -> Folder:
    return look_at(str(place), str(place / "script.ts"))


def relative(place: Path, paths: list[str]) -> list[str]:
    return sorted(os.path.relpath(path, place) for path in paths)


def test_a_plain_folder_is_one_tree(place: Path) -> None:
    found = look(place)
    assert (found.trees, found.files, found.denied) == ([str(place)], [], [])


@pytest.mark.parametrize("name", [".env", ".git", "node_modules"])
def test_hidden_entries_leave_the_rest(place: Path, name: str) -> None:
    (place / name).mkdir()
    (place / name / "config").write_text("secret")
    found = look(place)
    assert relative(place, found.denied) == [name]
    assert relative(place, found.trees) == ["data"]
    assert relative(place, found.files) == ["lib.ts", "script.ts"]


@pytest.mark.parametrize("mark", ["pyvenv.cfg", "conda-meta"])
def test_an_environment_of_python_is_left_out_as_a_whole(place: Path, mark: str) -> None:
    packages = place / "venv" / "lib" / "site-packages"
    packages.mkdir(parents=True)
    (place / "venv" / mark).write_text("")
    for number in range(50):  # each of these links would be an entry of its own
        (packages / f"{number}").symlink_to("/etc/passwd")
    found = look(place)
    assert relative(place, found.denied) == ["venv"]
    assert relative(place, found.trees) == ["data"]
    assert relative(place, found.files) == ["lib.ts", "script.ts"]


def test_a_hidden_entry_further_down_leaves_its_neighbours(place: Path) -> None:
    (place / "data" / ".env").write_text("secret")
    found = look(place)
    assert relative(place, found.trees) == ["data/deep"]
    assert relative(place, found.files) == ["data/a.json", "lib.ts", "script.ts"]


@pytest.mark.parametrize(
    ("target", "allowed"),
    [
        ("lib.ts", True),
        ("data", True),
        ("data/deep/b.json", True),
        ("../outside.ts", False),
        ("..", False),
        (".", False),
        ("/etc/passwd", False),
        ("/proc/self/root", False),
        ("/dev/zero", False),
        (".env", False),
        ("missing", False),
        ("link.ts", False),
    ],
)
def test_links_are_judged_by_where_they_lead(place: Path, target: str, allowed: bool) -> None:
    (place / ".env").write_text("secret")
    (place / "link.ts").symlink_to(target)
    found = look(place)
    assert (str(place / "link.ts") in found.files) is allowed
    assert (str(place / "link.ts") in found.denied) is not allowed


def test_a_chain_of_links_is_judged_by_its_end(place: Path) -> None:
    (place / "one.ts").symlink_to("two.ts")
    (place / "two.ts").symlink_to("../outside.ts")
    assert relative(place, look(place).denied) == ["one.ts", "two.ts"]


def test_a_link_to_a_folder_that_is_not_clean_is_denied(place: Path) -> None:
    (place / "data" / ".env").write_text("secret")
    (place / "link").symlink_to("data")
    assert relative(place, look(place).denied) == ["data/.env", "link"]


def test_hard_links_must_have_all_their_names_here(place: Path, tmp_path: Path) -> None:
    os.link(tmp_path / "outside.ts", place / "shared.ts")
    os.link(place / "lib.ts", place / "data" / "lib.ts")
    found = look(place)
    assert relative(place, found.denied) == ["shared.ts"]
    assert {str(place / "lib.ts")} <= set(found.files)


def test_the_script_itself_is_always_read(place: Path, tmp_path: Path) -> None:
    hidden = place / ".script.ts"
    hidden.write_text("")
    os.link(hidden, tmp_path / "again.ts")
    (place / ".env").write_text("")
    found = look_at(str(place), str(hidden))
    assert str(hidden) in found.files
    assert relative(place, found.denied) == [".env"]


def test_pipes_and_sockets_are_denied(place: Path) -> None:
    os.mkfifo(place / "pipe.ts")
    assert relative(place, look(place).denied) == ["pipe.ts"]


def test_too_many_entries_nearby_are_an_error(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "SCRIPT_FOLDER_ENTRIES", 2)
    with pytest.raises(LimitError, match="has 3 entries, a script's may have 2"):
        look(place)


def test_what_is_too_much_further_down_is_left_out(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "SCRIPT_FOLDER_ENTRIES", 4)
    found = look(place)
    assert relative(place, found.denied) == ["data"]
    assert relative(place, found.files) == ["lib.ts", "script.ts"]


def test_many_hidden_entries_are_denied_by_their_folders(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "SCRIPT_DENIED_ENTRIES", 2)
    for number in range(3):
        (place / "data" / f".{number}").write_text("")
    assert relative(place, look(place).denied) == ["data"]
    for number in range(3):
        (place / f".{number}").write_text("")
    with pytest.raises(LimitError, match="more than 2 hidden entries"):
        look(place)


def test_deep_folders_need_no_recursion(place: Path) -> None:
    deep = place
    for _ in range(1200):
        deep = deep / "d"
    descriptor = os.open(place, os.O_RDONLY)
    try:
        for _ in range(1200):
            os.mkdir("d", dir_fd=descriptor)
            inner = os.open("d", os.O_RDONLY, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
    finally:
        os.close(descriptor)
    try:
        assert look(place).trees == [str(place)]
    finally:
        subprocess.run(["rm", "-rf", str(place / "d")], check=True)  # shutil.rmtree recurses
