"""A recording answers as its colony did, and as of a time what was known then."""

from __future__ import annotations

import stat
from pathlib import Path

import duckdb
import pytest

from coral.errors import NoDataError, StorageError
from coral.replay.recording import read_recording
from tests.replay.conftest import MINUTE, Recorded
from tests.runner.program import Program

EVERYTHING = """
import * as coral from "@coral/sdk";
const services = await coral.services.list();
console.log(services.map(({ name, lastSeen, instanceCount }) => [name, lastSeen, instanceCount]));
for (const name of ["p50", "p95", "p99"]) {
  const q = Number(name.slice(1)) / 100;
  console.log(name, await coral.metrics.getPercentile("payments", "http.server.duration", q, "1h"));
}
const { requestCount, errorCount, errorRate } = await coral.metrics.getRequests("payments", "1h");
console.log(requestCount, errorCount, errorRate);
const histogram = await coral.metrics.histogram("payments", undefined, { window: "1h" });
console.log(histogram.buckets);
console.log(await coral.traces.findSlow("payments", "300ms"));
const trace = await coral.traces.get("0".repeat(31) + "9");
console.log(trace.spans);
for (const table of ["service_summary", "trace_summary", "resources_local", "otel_spans_local"]) {
  console.log(await coral.db.query(`SELECT * FROM ${table} ORDER BY ALL`));
}
"""


def test_a_script_gets_what_the_colony_answered(coral: Program, recorded: Recorded) -> None:
    script = coral.script(EVERYTHING)
    live = coral.run("run", "--no-check", "--colony", recorded.colony, script)
    replayed = coral.run("run", "--no-check", "--dataset", str(recorded.path), script)
    assert (live.code, live.stderr) == (replayed.code, replayed.stderr) == (0, "")
    assert replayed.stdout == live.stdout
    assert replayed.stdout.count("\n") > 100


def test_sql_reads_the_public_tables_and_nothing_else(coral: Program, recorded: Recorded) -> None:
    asked = ("query", "-o", "csv", "--dataset", str(recorded.path))
    found = coral.run(*asked, "SELECT count(*) AS n, max(p99_ms) > 800 AS slow FROM service_summary")
    assert (found.code, found.stdout) == (0, "n,slow\n30,true\n")
    for table in ("coral_record.rollups", "rollups", "dataset.coral_record.resources"):
        refused = coral.run(*asked, f"SELECT * FROM {table}")
        assert refused.code in (65, 77), refused


def test_what_was_not_known_yet_is_not_seen(coral: Program, recorded: Recorded) -> None:
    script = coral.script(
        """
        import * as coral from "@coral/sdk";
        const p99 = await coral.metrics.getP99Ms("payments").catch((error) => error.reason);
        console.log(typeof p99 !== "number" ? p99 : p99 > 500 ? "slow" : "quick");
        console.log((await coral.services.list()).map(({ name }) => name).join());
        const [row] = await coral.db.query(`SELECT
          (SELECT count(*) FROM service_summary) AS minutes,
          (SELECT count(*) FROM otel_spans_local) AS spans,
          (SELECT string_agg(service_name, ',' ORDER BY service_name) FROM resources_local) AS services,
          CAST(epoch(now()) AS BIGINT) - CAST(epoch(current_timestamp) AS BIGINT) AS none,
          CAST(epoch_ms(now()) AS BIGINT) AS now`);
        console.log(row.minutes, row.spans, row.services, row.none, row.now === Date.now());
        console.log((await coral.traces.findSlow("payments", "1ms")).length);
        """
    )

    def at(minutes: float) -> str:
        time = (recorded.first + minutes * MINUTE).isoformat()
        path = Path(script)
        path.with_suffix(".expected").unlink(missing_ok=True)
        ended = coral.run("test", script, "--dataset", str(recorded.path), "--at", f"{time}Z", "--update")
        assert ended.code == 0, ended
        return path.with_suffix(".expected").read_text()

    assert at(-1) == "NO_DATA\n\n0 0 null 0 true\n0\n"
    assert at(10.5) == "quick\npayments\n10 0 payments 0 true\n0\n"
    assert at(15.25) == "slow\norders,payments\n15 9 orders,payments 0 true\n9\n"
    assert at(29) == "quick\norders,payments\n29 9 orders,payments 0 true\n9\n"


def test_a_recording_says_what_it_is_of(recorded: Recorded) -> None:
    found = read_recording(recorded.path)
    assert found == recorded.recording
    assert found.start < recorded.first < found.recorded_at
    assert stat.S_ISREG(recorded.path.stat().st_mode)
    assert [path.name for path in recorded.path.parent.glob("*duckdb*")] == ["incident.duckdb"]


def test_only_some_services(coral: Program, recorded: Recorded, tmp_path: Path) -> None:
    path = tmp_path / "orders.duckdb"
    none = coral.run("record", str(path), "--service", "orders", "--colony", recorded.colony)
    assert none.code == 66
    assert "the colony has no data of orders since" in none.stderr
    assert list(tmp_path.glob("*duckdb*")) == []
    made = coral.run("record", str(path), "--service", "payments", "--colony", recorded.colony)
    assert made.code == 0, made.stderr
    assert made.stderr.splitlines()[-1].startswith("recorded 20")
    names = coral.run(
        "query", "-o", "csv", "--dataset", str(path), "SELECT service_name FROM resources_local"
    )
    assert names.stdout == "service_name\npayments\n"
    again = coral.run("record", str(path), "--colony", recorded.colony)
    assert (again.code, again.stderr.splitlines()[0]) == (2, f"error: {path} exists already")
    assert coral.run("record", str(path), "--force", "-q", "--colony", recorded.colony).stderr == ""


def test_files_that_are_no_recordings_are_named(coral: Program, tmp_path: Path) -> None:
    missing = coral.run("run", "--dataset", str(tmp_path / "nothing"), coral.script("1"))
    assert missing.code == 66
    other = tmp_path / "other.duckdb"
    with duckdb.connect(str(other)) as connection:
        connection.execute("CREATE TABLE service_summary AS SELECT 1 AS n")
    with pytest.raises(NoDataError, match="no recording of `coral record`"):
        read_recording(other)
    with duckdb.connect(str(other)) as connection:
        connection.execute("CREATE SCHEMA coral_record")
        for table in ("rollups", "system_metrics", "resources"):
            connection.execute(f"CREATE TABLE coral_record.{table} (n INTEGER)")
        connection.execute(
            "CREATE TABLE coral_record.recording AS SELECT 99 AS format, now()::TIMESTAMP AS start_time,"
            " now()::TIMESTAMP AS recorded_at, []::VARCHAR[] AS services, []::VARCHAR[] AS notes"
        )
    with pytest.raises(StorageError, match="format 99, expected 1"):
        read_recording(other)


def test_the_recording_and_other_modes_exclude_each_other(coral: Program, recorded: Recorded) -> None:
    script = coral.script("1")
    for more in (["--watch"], ["--colony", recorded.colony]):
        ended = coral.run("run", script, "--dataset", str(recorded.path), *more)
        assert (ended.code, "exclude each other" in ended.stderr) == (2, True)
