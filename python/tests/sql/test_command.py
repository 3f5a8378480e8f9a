"""`coral query --dataset` as people and programs run it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

from coral.cli.main import coral as program
from coral.errors import CoralError, NoDataError, StorageError

VALUES = """SELECT 9007199254740993 AS a, 1.50 AS b, 'nan'::DOUBLE AS c, '-inf'::FLOAT AS d,
    TIMESTAMP '2026-01-01 00:00:00.5' AS e, TIMESTAMPTZ '2026-01-01 02:00:00+02' AS f, DATE '2026-01-01' AS g,
    TIME '01:02:03' AS h, INTERVAL 1 MONTH AS i, [1, NULL] AS j, {'a': {'b': 1.5::DECIMAL(9, 3)}} AS k,
    MAP {'k': 2} AS l, 'ab'::BLOB AS m, '101'::BIT AS n, 170141183460469231731687303715884105727::HUGEINT AS o,
    NULL AS p, [TIMESTAMP '2026-01-01'] AS q, '{"a":1}'::JSON AS r, 5::HUGEINT AS s,
    TIMESTAMP_NS '2026-01-01 00:00:00.123456789' AS t, 'infinity'::TIMESTAMP AS u, 5::UHUGEINT AS v, true AS w"""


def query(*arguments: str | Path) -> Result:
    return CliRunner().invoke(program, ["query", *map(str, arguments)])


def test_json_has_columns_rows_and_completeness(recording: Path) -> None:
    found = query("--dataset", recording, "-o", "json", VALUES)
    answer = json.loads(found.stdout)
    assert list(answer) == ["columns", "rows", "completeness"]
    assert answer["columns"][:2] == [{"name": "a", "type": "BIGINT"}, {"name": "b", "type": "DECIMAL(3,2)"}]
    assert answer["rows"] == [
        [
            "9007199254740993",
            "1.50",
            "NaN",
            "-Infinity",
            "2026-01-01T00:00:00.500000Z",
            "2026-01-01T00:00:00Z",
            "2026-01-01",
            "01:02:03",
            {"months": 1, "days": 0, "nanoseconds": 0},
            [1, None],
            {"a": {"b": "1.500"}},
            {"k": 2},
            "6162",
            "101",
            "170141183460469231731687303715884105727",
            None,
            ["2026-01-01T00:00:00Z"],
            '{"a":1}',
            5,
            "2026-01-01T00:00:00.123456789Z",
            "infinity",
            "5",
            True,
        ]
    ]
    assert answer["completeness"]["rows_cut"] is False


def test_parameters_have_the_types_that_they_are_written_with(recording: Path) -> None:
    found = query(
        "--dataset",
        recording,
        "-o",
        "json",
        "SELECT ? + 1, ?, ?, ?",
        *["-p", "41", "-p", "x", "-p", "null", "-p", "true"],
    )
    assert json.loads(found.stdout)["rows"] == [[42, "x", None, True]]
    sql = "SELECT count(*) FROM otel_spans_local WHERE service_name = $name AND duration_ns > $ns"
    found = query("--dataset", recording, "-o", "json", sql, "-p", "name=cart", "-p", "ns=0")
    assert json.loads(found.stdout)["rows"] == [[1000]]


def test_tables_can_be_discovered(recording: Path) -> None:
    found = query(
        "--dataset", recording, "-o", "csv", "SELECT table_name, time_column FROM coral_tables ORDER BY 1"
    )
    assert found.stdout.splitlines()[1:3] == ["beyla_http_metrics,timestamp", "otel_spans_local,start_time"]
    found = query("--dataset", recording, "-o", "csv", "SHOW TABLES")
    assert "secrets" not in found.stdout
    assert "otel_spans_local" in found.stdout
    found = query(
        "--dataset", recording, "-o", "csv", "SELECT data_type FROM coral_columns WHERE column_name = 'kind'"
    )
    assert found.stdout.splitlines() == ["data_type", "VARCHAR"]


@pytest.mark.parametrize("name", ["absent.duckdb", "", "text.csv", "fifo", "none.duckdb"])
def test_what_is_no_recording_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.csv").write_text("a,b\n1,2\n" * 10)
    import os

    os.mkfifo(tmp_path / "fifo")
    with duckdb.connect(str(tmp_path / "none.duckdb")) as connection:
        connection.execute("CREATE TABLE secrets (a INT)")
    found = query("--dataset", tmp_path / name, "SELECT 1")
    assert isinstance(found.exception, StorageError if name == "text.csv" else NoDataError)
    assert isinstance(found.exception, CoralError)
    assert found.exception.hint


def test_a_file_that_a_process_has_open_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "open.duckdb"
    code = (
        "import duckdb, sys\n"
        "c = duckdb.connect(sys.argv[1]); c.execute('CREATE TABLE otel_spans_local (a INT)')\n"
        "print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        found = query("--dataset", path, "SELECT 1")
        process.communicate(b"")
    assert isinstance(found.exception, StorageError)
    assert "open in another process" in found.exception.message


def test_a_recording_may_have_fewer_and_more_columns(tmp_path: Path) -> None:
    path = tmp_path / "small.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE otel_spans_local AS SELECT 1 AS duration_ns, 'x' AS more")
    found = query("--dataset", path, "-o", "csv", "FROM otel_spans_local")
    assert found.stdout == "duration_ns,more\n1,x\n"
