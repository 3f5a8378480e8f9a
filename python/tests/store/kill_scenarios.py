"""What stores do while they are killed, and what must hold afterwards: see killing.py."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

from coral.clock import FixedClock
from coral.limits import MIN_DIRECT_ROWS
from coral.store.api import Transaction
from coral.store.duckdb.compaction import mergeable_tables
from coral.store.duckdb.opening import DatabaseSettings, open_database
from coral.store.duckdb.store import DuckDBStore, StoreLimits
from coral.store.duckdb.tiers import DEFAULT_AGES, Tiers, rollup_tiers
from tests.store.fixtures.answers import answers_of
from tests.store.fixtures.unpack import SCHEMAS, differences, unpack
from tests.store.rows import insert_spans
from tests.store.test_direct import AGENT, span_rows

START: Final = datetime(2026, 3, 10, 12, 0, 30)
LATER: Final = START + timedelta(days=9)
_ROUNDS: Final = 9
_DIRECT_ROUND: Final = 4
SEALED: Final = 4
UNSEALED: Final = (5, 6)
_EXPIRING: Final = "expiring"
_GIVING_UP: Final = "giving up"


@dataclass(frozen=True)
class Scenario:
    """One story.

    Attributes:
        prepare: Makes the directory in which each run begins.
        run: What is killed. Whatever a store has acknowledged is noted in a file of its own.
        check: Opens what is left, twice, and tells what is wrong.
    """

    prepare: Callable[[Path], None]
    run: Callable[[Path], None]
    check: Callable[[Path], list[str]]


def rows_of(batch: int) -> int:
    """How many spans, and how many requests in its rollup, a batch has."""
    return MIN_DIRECT_ROWS + 7 if batch == _DIRECT_ROUND else 3 + batch


def open_store(folder: Path, kind: str, clock: FixedClock) -> DuckDBStore:
    """A store that does nothing by itself."""
    tiered = kind == "colony"
    return DuckDBStore(
        folder / "data",
        kind=kind,
        retention=timedelta(days=7),
        retention_by_table=dict.fromkeys(DEFAULT_AGES) if tiered else {"rollups": None},
        clock=clock,
        seal_interval=0,
        limits=StoreLimits(reserve_bytes=4096),
        merged_apart=(*mergeable_tables(), *DEFAULT_AGES) if tiered else (),
        monotonic=lambda: (clock.now() - START).total_seconds(),
    )


def tiers_of(store: DuckDBStore, folder: Path, clock: FixedClock) -> Tiers:
    """The job that ages a colony's rollups."""
    return Tiers(
        store,
        rollup_tiers({}),
        scratch=folder / "data" / "merging",
        clock=clock,
        monotonic=lambda: (clock.now() - START).total_seconds(),
    )


def note(folder: Path, text: str) -> None:
    """Writes down what was acknowledged; it outlives a SIGKILL."""
    descriptor = os.open(folder / "acknowledged", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, f"{text}\n".encode())
    os.close(descriptor)


def noted(folder: Path) -> list[str]:
    """What was written down."""
    path = folder / "acknowledged"
    return path.read_text().splitlines() if path.exists() else []


def add(store: DuckDBStore, folder: Path, batch: int, now: datetime) -> None:
    """Spans and a rollup of them, in one transaction."""
    count, service = rows_of(batch), f"service-{batch}"

    def job(transaction: Transaction) -> None:
        if batch == _DIRECT_ROUND:
            transaction.append("spans", span_rows(0, count), AGENT)
        else:
            insert_spans(transaction, count, start=now, service=service)
        transaction.connection.execute(
            "INSERT INTO rollups SELECT $seq, 'a1', $at::TIMESTAMP, $service, 'GET /', 'SERVER', $count, 1, 1, 1, 1,"
            " [0], [$count]",
            {"seq": transaction.seq, "at": now.replace(second=0), "service": service, "count": count},
        )

    store.submit(job).result()
    note(folder, str(batch))


def _nothing(folder: Path) -> None:
    """Each run begins with nothing."""


def _run_store(folder: Path, kind: str) -> None:
    clock = FixedClock(START)
    store = open_store(folder, kind, clock)
    tiers = tiers_of(store, folder, clock) if kind == "colony" else None
    for batch in range(_ROUNDS):
        add(store, folder, batch, clock.now())
        store.seal()
        clock.advance(timedelta(seconds=10))
    store.maintain(lambda editor: editor.merge("spans"))
    if tiers is not None:
        tiers.run()
    else:
        store.maintain(lambda editor: editor.merge("rollups"))
    store.maintain(lambda editor: editor.checkpoint())
    clock.advance(LATER - clock.now())
    add(store, folder, _ROUNDS, clock.now())
    store.seal()
    if tiers is not None:
        while tiers.run():
            pass
    note(folder, _EXPIRING)
    store.maintain(lambda editor: editor.expire(clock.now()))
    add(store, folder, _ROUNDS + 1, clock.now())
    store.seal()
    note(folder, _GIVING_UP)
    store.maintain(lambda editor: editor.give_up(1, why="a test"))
    store.maintain(lambda editor: editor._folder.delete_dropped(grace=0.0))
    add(store, folder, _ROUNDS + 2, clock.now())
    store.close()


def _check_store(folder: Path, kind: str) -> list[str]:
    wrong: list[str] = []
    clock = FixedClock(LATER)
    for opening in (1, 2):
        store = open_store(folder, kind, clock)
        try:
            if kind == "colony":
                tiers_of(store, folder, clock)  # empties its folder
            wrong += [f"opened {opening} times: {text}" for text in _wrong_rows(store, folder, kind)]
            wrong += [f"opened {opening} times: {text}" for text in _wrong_files(store, folder)]
            wrong += [f"tells of a problem: {text}" for text in store.problems()]
            if opening == 1:
                add(store, folder, 50, clock.now())
                store.seal()
                wrong += [f"after more: {text}" for text in _wrong_rows(store, folder, kind)]
        finally:
            store.close()
    return wrong


def _wrong_rows(store: DuckDBStore, folder: Path, kind: str) -> list[str]:
    told = noted(folder)
    wrong = []
    spans = "SELECT sum(span_id <> '')::BIGINT, count(DISTINCT trace_id || span_id) FROM spans WHERE {}"
    given_up = 0
    if kind == "agent":
        ((given_up,),) = store.query(
            "SELECT value FROM main.counters WHERE name = 'raw_rows_given_up'", since={}
        )
    missing = 0
    for batch in [*range(_ROUNDS + 3), 50]:
        count, acknowledged = rows_of(batch), str(batch) in told
        ((requests,),) = store.query(
            "SELECT coalesce(sum(request_count), 0)::BIGINT FROM rollups WHERE service_name = ?",
            [f"service-{batch}"],
            since={"rollups": None},
        )
        if requests != count and (acknowledged or requests != 0):
            wrong.append(f"batch {batch}: {requests} requests instead of {count}")
        service = "payments" if batch == _DIRECT_ROUND else f"service-{batch}"
        ((rows, distinct),) = store.query(spans.format("service_name = ?"), [service], since={"spans": None})
        rows = rows or 0
        if rows != distinct:
            wrong.append(f"batch {batch}: {rows} spans, {distinct} different ones")
        if (rows == 0) != (requests == 0) and rows != 0:
            wrong.append(f"batch {batch}: a transaction is there in part")
        may_be_gone = (batch < _ROUNDS and _EXPIRING in told) or _GIVING_UP in told
        if rows != count and requests == count:
            missing += count - rows
            if rows != 0 or not may_be_gone:
                wrong.append(f"batch {batch}: {rows} spans instead of {count}")
    expired = sum(map(rows_of, range(_ROUNDS))) if _EXPIRING in told else 0
    if kind == "agent" and missing not in (given_up, given_up + expired):
        wrong.append(f"{missing} spans are gone, {given_up} of them are told as given up")
    return wrong


def _wrong_files(store: DuckDBStore, folder: Path) -> list[str]:
    root = folder / "data"
    listed = {segment.path.name for segment in store.segments()}
    there = {path.name for path in (root / "segments").iterdir()}
    wrong = [f"orphan {name}" for name in sorted(there - listed - set(_dropped(store)))]
    wrong += [f"missing {name}" for name in sorted(listed - there)]
    wrong += [
        f"orphan {name}" for name in ("recovering", "active.new", "active.new.wal") if (root / name).exists()
    ]
    scratch = root / "merging"
    wrong += [f"orphan {path}" for path in scratch.rglob("*")] if scratch.exists() else []
    return wrong


def _dropped(store: DuckDBStore) -> list[str]:
    return [path.name for _, path in store._folder._dropped]


def leave_as_killed(folder: Path, kind: str) -> None:
    """Leaves a directory as after a SIGKILL: sealed batches from 0 on, and 5 and 6 in the log."""
    clock = FixedClock(START)
    store = open_store(folder, kind, clock)
    for batch in range(SEALED):
        add(store, folder, batch, clock.now())
        store.seal()
    store.maintain(lambda editor: editor.checkpoint())
    store.close()
    store = open_store(folder, kind, clock)
    for batch in UNSEALED:
        add(store, folder, batch, clock.now())
    active = folder / "data" / "active.duckdb"
    # Closing writes the log into the database; a SIGKILL does not.
    names = ("active.duckdb", "active.duckdb.wal")
    for name in names:
        shutil.copyfile(active.with_name(name), folder / name)
    store.close()
    for name in names:
        os.replace(folder / name, active.with_name(name))


def _prepare_recovery(folder: Path, damage: str) -> None:
    leave_as_killed(folder, "agent")
    active = folder / "data" / "active.duckdb"
    wal = active.with_name("active.duckdb.wal")
    random = Random(damage)
    if damage == "database":
        content = bytearray(active.read_bytes())
        content[: len(content) // 2] = bytes(len(content) // 2)
        active.write_bytes(content)
    elif damage == "log":
        content = bytearray(wal.read_bytes())
        content[random.randrange(len(content) // 2, len(content))] ^= 0x40
        wal.write_bytes(content)
    else:
        active.unlink()
        wal.unlink()


def _run_recovery(folder: Path) -> None:
    store = open_store(folder, "agent", FixedClock(START))
    note(folder, f"problems {len(store.problems())}")
    store.close()


def _check_recovery(folder: Path) -> list[str]:
    wrong: list[str] = []
    for _ in range(2):
        store = open_store(folder, "agent", FixedClock(START))
        try:
            if not store.problems():
                wrong.append("the damage is not told")
            for batch in (*range(SEALED), *UNSEALED):
                service = "payments" if batch == _DIRECT_ROUND else f"service-{batch}"
                ((rows, distinct),) = store.query(
                    "SELECT count(*), count(DISTINCT trace_id || span_id) FROM spans WHERE service_name = ?",
                    [service],
                    since={"spans": None},
                )
                if rows != distinct or (rows != rows_of(batch) and (batch < SEALED or rows != 0)):
                    wrong.append(f"batch {batch}: {rows} spans, {distinct} different ones")
            wrong += _wrong_files(store, folder)
            last = store.statistics().last_seq
            store.submit(lambda tx: insert_spans(tx, 2, start=START, service="more")).result()
            if store.statistics().last_seq <= last:
                wrong.append("sequences do not go on")
        finally:
            store.close()
    return wrong


def _prepare_migration(folder: Path, kind: str) -> None:
    unpack(min(SCHEMAS), folder)
    (folder / kind).rename(folder / "data")


def _run_migration(folder: Path, kind: str) -> None:
    open_database(folder / "data" / "active.duckdb", DatabaseSettings(kind, 256 * 1024 * 1024)).close()


def _check_migration(folder: Path, kind: str) -> list[str]:
    told = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
    now = datetime.fromisoformat(told["now"])
    return differences(answers_of(folder / "data", kind, now, min(SCHEMAS)), told[kind])


SCENARIOS: Final = {
    **{
        f"migration of {kind}": Scenario(
            lambda f, kind=kind: _prepare_migration(f, kind),
            lambda f, kind=kind: _run_migration(f, kind),
            lambda f, kind=kind: _check_migration(f, kind),
        )
        for kind in ("agent", "colony")
    },
    "colony": Scenario(_nothing, lambda f: _run_store(f, "colony"), lambda f: _check_store(f, "colony")),
    "agent": Scenario(_nothing, lambda f: _run_store(f, "agent"), lambda f: _check_store(f, "agent")),
    **{
        f"recovery of {damage}": Scenario(
            lambda f, damage=damage: _prepare_recovery(f, damage), _run_recovery, _check_recovery
        )
        for damage in ("database", "log", "everything but segments")
    },
}
