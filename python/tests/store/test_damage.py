"""Files of a store that are cut short, flipped or zeroed: put aside, told, and the service goes on."""

from __future__ import annotations

import itertools
import logging
import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random

import pytest

from coral.clock import FixedClock
from coral.errors import StorageError
from coral.store.duckdb.store import DuckDBStore
from coral.testing.faults.disk import can_mount
from tests.store.kill_scenarios import (
    SEALED,
    START,
    UNSEALED,
    add,
    leave_as_killed,
    open_store,
    rows_of,
)

KINDS = ("agent", "colony")
SEEDS = range(int(os.environ.get("CORAL_TEST_DAMAGES", "1")))


def cut(content: bytearray, random: Random) -> None:
    del content[random.randrange(len(content)) :]


def flip(content: bytearray, random: Random) -> None:
    for _ in range(random.choice((1, 1, 8))):
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)


def zero(content: bytearray, random: Random) -> None:
    start = random.randrange(len(content))
    length = min(len(content) - start, random.choice((512, 4096, len(content))))
    content[start : start + length] = bytes(length)


def everything(content: bytearray, random: Random) -> None:
    content[:] = random.randbytes(len(content))


DAMAGES = {"cut": cut, "flipped": flip, "zeroed": zero, "overwritten": everything}
FILES = {"database": "active.duckdb", "log": "active.duckdb.wal", "segment": "segments/spans-*.parquet"}
FOUND = (("database", "flipped", 7), ("database", "flipped", 23))
"""Met by the write, or by the seal, that comes after the opening."""

CASES = sorted({*itertools.product(FILES, DAMAGES, SEEDS), *FOUND})


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folders = {kind: tmp_path_factory.mktemp(kind) for kind in KINDS}
    for kind, folder in folders.items():
        leave_as_killed(folder, kind)
    return folders


def rows(store: DuckDBStore, batch: int, *, readable: bool = True) -> int:
    """Spans of a batch; they must be different ones, unless a segment may have been changed readably."""
    ((count, distinct),) = store.query(
        "SELECT count(*), count(DISTINCT trace_id || span_id) FROM spans WHERE service_name = ?",
        [f"service-{batch}"],
        since={"spans": None},
    )
    assert count == distinct or not readable, f"batch {batch} has {count} spans, {distinct} different ones"
    return int(count)


def _again_if_damaged(store: DuckDBStore, what: str, job: Callable[[], object]) -> None:
    """Does what may meet the damage; then it is done again, as senders and the maintenance do."""
    try:
        job()
    except StorageError:
        assert what == "database"
        assert store.problems()
        job()


@pytest.mark.parametrize(("what", "how", "seed"), CASES)
def test_damage_is_survived_and_told(
    left: dict[str, Path], tmp_path: Path, what: str, how: str, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    random = Random(f"{what} {how} {seed}")
    kind = random.choice(KINDS)
    shutil.copytree(left[kind], tmp_path, dirs_exist_ok=True)
    data = tmp_path / "data"
    victim = random.choice(sorted(data.glob(FILES[what])))
    content = bytearray(victim.read_bytes())
    DAMAGES[how](content, random)
    victim.write_bytes(content)
    clock = FixedClock(START)
    caplog.set_level(logging.ERROR, "coral.store")
    for opening in (1, 2):
        store = open_store(tmp_path, kind, clock)
        try:
            # Parquet as DuckDB writes it has no checksums: a bit that flips in a name or a value may go unseen.
            readable = (what, how) != ("segment", "flipped")
            found = {batch: rows(store, batch, readable=readable) for batch in (*range(SEALED), *UNSEALED)}
            problems = store.problems()
            complete = {batch for batch, count in found.items() if count == rows_of(batch)}
            assert all(found[batch] == 0 for batch in found if batch not in complete), found
            # One damaged segment costs its own rows, a damaged database or log those that were not sealed.
            assert len(set(range(SEALED)) - complete) <= (what == "segment"), found
            if what == "segment":
                assert complete >= set(UNSEALED), found
            lost = set(found) - complete
            if lost and (what, how) != ("log", "cut"):  # a log cut short looks as a crash leaves it
                assert problems, f"{lost} are lost and nobody is told"
                if opening == 1:
                    assert any(problem in caplog.text for problem in problems)
            if problems:
                # What is named was put aside under another name, as a whole, and stays.
                aside = [
                    path
                    for path in data.rglob("*")
                    if ".damaged-" in path.name or path.parent.name == "damaged"
                ]
                assert aside
                for path in aside:
                    assert path.suffix == ".txt" or path.stat().st_size > 0 or not content
            if opening == 1:
                _again_if_damaged(store, what, partial(add, store, tmp_path, 7, clock.now()))
                _again_if_damaged(store, what, store.seal)
            after = {batch: rows(store, batch, readable=readable) for batch in found}
            assert after == found or store.problems() != problems
            assert all(after[batch] == found[batch] for batch in range(SEALED))
            if (what, how) == ("database", "flipped") and "outbox" not in "".join(store.problems()):
                assert all(after[batch] == found[batch] for batch in UNSEALED), store.problems()
            assert rows(store, 7) == rows_of(7)
        finally:
            store.close()


def test_a_segment_damaged_while_the_store_is_open_is_put_aside(
    left: dict[str, Path], tmp_path: Path
) -> None:
    shutil.copytree(left["colony"], tmp_path, dirs_exist_ok=True)
    store = open_store(tmp_path, "colony", FixedClock(START))
    try:
        (first, *_) = [segment for segment in store.segments() if segment.table == "spans"]
        first.path.write_bytes(first.path.read_bytes()[:-20])
        assert sum(rows(store, batch) > 0 for batch in range(SEALED)) == SEALED - 1
        (problem,) = store.problems()
        assert first.path.name in problem
        assert (first.path.parent / "damaged" / first.path.name).exists()
    finally:
        store.close()


def a_file(folder: Path) -> Path:
    (folder / "file").write_text("not a folder")
    return folder / "file"


def inside_a_file(folder: Path) -> Path:
    return a_file(folder) / "data"


def active_is_a_folder(folder: Path) -> Path:
    (folder / "data" / "active.duckdb").mkdir(parents=True)
    return folder / "data"


@pytest.mark.parametrize("make", [a_file, inside_a_file, active_is_a_folder])
def test_a_directory_that_cannot_be_one_is_refused(make: Callable[[Path], Path], tmp_path: Path) -> None:
    directory = make(tmp_path)
    with pytest.raises(StorageError, match=str(directory)) as refused:
        DuckDBStore(directory, kind="colony", retention=timedelta(days=1), seal_interval=0)
    assert refused.value.hint


@pytest.mark.skipif(not can_mount(), reason="mounting needs Linux and root")
def test_a_read_only_directory_is_refused_and_untouched(left: dict[str, Path], tmp_path: Path) -> None:
    mount = tmp_path / "mount"
    mount.mkdir()
    subprocess.run(["mount", "--bind", str(left["agent"]), str(mount)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(mount)], check=True)
        with pytest.raises(StorageError, match="Read-only file system") as refused:
            open_store(mount, "agent", FixedClock(START))
        assert refused.value.hint
    finally:
        subprocess.run(["umount", str(mount)], check=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_directory_that_vanishes_is_a_clear_error(left: dict[str, Path], tmp_path: Path, kind: str) -> None:
    shutil.copytree(left[kind], tmp_path, dirs_exist_ok=True)
    store = open_store(tmp_path, kind, FixedClock(START))
    try:
        shutil.rmtree(tmp_path / "data")
        for asking in (
            lambda: rows(store, 0),
            lambda: add(store, tmp_path, 8, START),
            lambda: store.submit(lambda tx: tx.seq, essential=True).result(),
        ):
            with pytest.raises(StorageError, match=str(tmp_path / "data")) as refused:
                asking()
            assert refused.value.hint
        assert any(str(tmp_path / "data") in problem for problem in store.problems())
        assert not store.statistics().accepts_new_data
    finally:
        store.close()
