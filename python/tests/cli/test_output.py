from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from decimal import Decimal

from coral.cli.output import render_csv, render_json, render_rows, render_table

COLUMNS = [("service", "VARCHAR"), ("p99_ms", "DOUBLE")]
ROWS: list[tuple[object, ...]] = [("payments", 892.1), ("カート", None), ("a\tb\x1b[31m", 5)]


def test_a_table_is_aligned_by_what_a_terminal_shows() -> None:
    assert render_rows("table", COLUMNS, ROWS).splitlines() == [
        "service       p99_ms",
        "------------  ------",
        "payments       892.1",
        "カート          NULL",
        "a\\tb\\x1b[31m       5",
        "(3 rows)",
    ]


def test_combining_marks_and_joined_emoji_take_no_columns_of_their_own() -> None:
    table = render_table(["x", "y"], [("e\u0301", 1), ("👩\u200d🚀", 1), ("❤\ufe0f", 1)])
    assert table.splitlines()[2:5] == ["e\u0301   1", "👩\u200d🚀  1", "❤\ufe0f   1"]


def test_text_cannot_steer_the_terminal_or_turn_direction() -> None:
    assert "\\u202e" in render_table(["x"], [("a\u202eb",)])
    assert "\x1b" not in render_table(["\x1b[2J"], [("\x9b1m",)])


def test_long_cells_are_cut() -> None:
    line = render_table(["x"], [("界" * 500,)]).splitlines()[2]
    assert line.endswith("…")
    assert len(line) <= 51


def test_an_empty_answer_has_a_header() -> None:
    assert render_table(["a", "b"], []) == "a  b\n-  -\n(0 rows)\n"


def test_csv_can_be_read_back() -> None:
    rows = [("a,b", 'say "hi"', "x\ny", None, True, 0.1), ("", "ü", "'", b"\x00\xff", False, -1)]
    text = render_csv(["a", "b", "c", "d", "e", "f"], rows)
    assert list(csv.reader(io.StringIO(text)))[1:] == [
        ["a,b", 'say "hi"', "x\ny", "", "true", "0.1"],
        ["", "ü", "'", "00ff", "false", "-1"],
    ]


def test_json_is_one_line_with_columns_rows_and_more() -> None:
    text = render_rows("json", COLUMNS, ROWS, extra={"completeness": {"rows_cut": False}})
    assert text.endswith("}\n")
    assert text.count("\n") == 1
    assert json.loads(text) == {
        "columns": [{"name": "service", "type": "VARCHAR"}, {"name": "p99_ms", "type": "DOUBLE"}],
        "rows": [list(row) for row in ROWS],
        "completeness": {"rows_cut": False},
    }


def test_json_of_values_that_json_does_not_have() -> None:
    values = [float("nan"), float("inf"), datetime(2026, 1, 2, 3, 4, 5), Decimal("1.10"), b"\xff", {1: (2,)}]
    assert render_json(values) == '[null,null,"2026-01-02T03:04:05","1.10","ff",{"1":[2]}]\n'


def test_json_has_nothing_that_steers_a_terminal() -> None:
    text = "a\x1b[2J\x9b31m\u202e\u200dé"
    rendered = render_json({"body": text})
    assert rendered == '{"body":"a\\u001b[2J\\u009b31m\\u202e\u200dé"}\n'
    assert json.loads(rendered) == {"body": text}


def test_wide_cells_are_shown_where_they_are_asked_for() -> None:
    table = render_table(["body"], [["x" * 500 + "\x1b"]], widest=1000)
    assert table.splitlines()[1:3] == ["-" * 100, "x" * 500 + "\\x1b"]
