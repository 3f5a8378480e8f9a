"""Databases that released versions wrote open, answer the same, and go on: see fixtures/make.py."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import duckdb
import grpc
import pytest

from coral.errors import StorageError
from coral.store.duckdb.migrate import load_migrations
from coral.testing.faults.disk import can_mount, small_disk
from coral.testing.otlp_samples import sample
from coral.testing.processes import run_coral, settled, start_agent, start_colony, summary_counts
from tests.store.fixtures.answers import answers_of
from tests.store.fixtures.unpack import SCHEMAS, Fixture, differences, rows_like, unpack

KINDS = ("agent", "colony")
APPENDED_ONLY = ("otel_spans_local", "otel_logs_local", "otel_metrics_local", "main.store_identity")
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


@pytest.fixture(params=SCHEMAS)
def released(request: pytest.FixtureRequest, tmp_path: Path) -> Fixture:
    return unpack(request.param, tmp_path)


def test_the_fixtures_have_what_is_to_be_compared() -> None:
    assert {2, 4} <= set(SCHEMAS)
    newest = max(len(load_migrations(kind)) for kind in KINDS)
    assert newest in SCHEMAS, f"schema {newest} has no fixture: make one from the commit that is released"


def test_an_older_database_answers_the_same(released: Fixture) -> None:
    for kind in KINDS:
        wanted = released.answers[kind]
        for name in (
            "otel_spans_local",
            "service_summary",
            "resources_local",
            "percentiles",
            "main.segments",
        ):
            assert wanted[name], f"the fixture has nothing of {name}"
        for _ in range(2):  # the second time it is up to date
            assert (
                differences(answers_of(released.folder / kind, kind, released.now, released.schema), wanted)
                == []
            )


def test_an_older_fleet_goes_on_and_counts_everything_once(released: Fixture) -> None:
    """What was sealed, active, not rolled up or still in the outbox, and what comes afterwards."""
    folder = released.folder
    (folder / "agent").rename(folder / "agent-1")
    message = sample("traces", Random(1), service="new")
    spans = message.resource_spans[0].scope_spans[0].spans
    del spans[1:]
    spans[0].kind, spans[0].status.code = 2, 2
    expected = {**released.sent, "new": (1, 1)}
    with start_colony(folder) as colony, start_agent(colony.grpc, folder) as agent:
        with grpc.insecure_channel(agent.otlp_grpc) as channel:
            channel.unary_unary(EXPORT)(message.SerializeToString(), timeout=20)

        def counted() -> dict[str, tuple[int, int]]:
            # Durations that came as metrics are a service of their own; older versions did not count them.
            return {name: n for name, n in summary_counts(colony.grpc).items() if name != "meters"}

        assert settled(counted, expected) == expected
    for kind, name in (("agent", "agent-1"), ("colony", "colony")):
        found = answers_of(folder / name, kind, released.now, released.schema)
        for view in APPENDED_ONLY:
            wanted = released.answers[kind].get(view, [])
            missing = rows_like(wanted, wanted) - rows_like(found.get(view, []), wanted)
            assert not missing, view
            assert wanted == [] or view.startswith("main.") or len(found[view]) >= len(wanted)
    assert not (folder / "agent-1" / "recovering").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_a_newer_database_is_refused_and_untouched(kind: str, tmp_path: Path) -> None:
    unpack(max(SCHEMAS), tmp_path)
    database = tmp_path / kind / "active.duckdb"
    connection = duckdb.connect(str(database))
    connection.execute("INSERT INTO schema_migrations VALUES (99, 'from_the_future', now()::TIMESTAMP)")
    connection.close()

    def files() -> dict[str, bytes]:
        found = (path for path in (tmp_path / kind).rglob("*") if path.is_file())
        return {str(path): path.read_bytes() for path in found if path.name not in ("lock", "reserve")}

    before = files()
    arguments = {
        "agent": ("--id", "agent-1", "--colony", "127.0.0.1:1"),
        "colony": ("--listen", "127.0.0.1:0"),
    }
    done = run_coral(kind, "start", "--no-config", "--data", str(tmp_path / kind), *arguments[kind])
    assert done.returncode > 0
    assert "has schema version 99, this Coral knows versions up to" in done.stderr
    assert "hint: upgrade Coral" in done.stderr
    assert "Traceback" not in done.stderr
    assert files() == before


@pytest.mark.skipif(not can_mount(), reason="mounting a small disk needs Linux and root")
@pytest.mark.parametrize("kind", KINDS)
def test_no_room_to_migrate_is_said_and_nothing_is_lost(kind: str, tmp_path: Path) -> None:
    fixture = unpack(min(SCHEMAS), tmp_path)
    with small_disk(tmp_path / "disk", size_mib=16) as disk:
        shutil.copytree(tmp_path / kind, disk.folder)
        disk.fill()
        with pytest.raises(StorageError, match=r"cannot be opened: .*No space left on device") as refused:
            answers_of(disk.folder, kind, fixture.now, fixture.schema)
        assert refused.value.hint
        assert not list(disk.folder.glob("*.damaged-*"))
        disk.free()
        found = answers_of(disk.folder, kind, fixture.now, fixture.schema)
        assert differences(found, fixture.answers[kind]) == []
