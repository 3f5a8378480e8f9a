"""`coral run --html`: what is drawn in the terminal and handed over is in one page, and hurts nobody there."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coral.runner.record import Records, Splitter
from coral.runner.report import page
from coral.script_limits import REPORT_BYTES
from tests.runner.program import DEADLINE_SECONDS, Program, Result, first_line

SDK = 'import * as coral from "@coral/sdk";\n'
DRAWN = SDK + (
    'console.log("before \\x1b[31mred\\x1b[0m");\n'
    'coral.plot.bar({ orders: 1, payments: 2 }, { title: "Requests" });\n'
    'coral.table([{ name: "a", big: 2n ** 60n, at: new Date(0), n: NaN }]);\n'
    "coral.output([{ a: new Map([[1, new Set([2])]]) }]);\n"
    'console.error("after");\n'
)
TERMINAL = (
    "before \x1b[31mred\x1b[0m\nRequests\n"
    f"orders   │{'█' * 34} 1\npayments │{'█' * 68} 2\n"
    "name                  big  at                          n\n"
    "────  ───────────────────  ────────────────────────  ───\n"
    "a     1152921504606846976  1970-01-01T00:00:00.000Z  NaN\n"
)


def data_of(path: Path) -> tuple[dict[str, object], list[dict[str, object]]]:
    """What a page shows: about the run, and its records."""
    found = re.findall(r'<script type="application/json" id="data">(.*?)</script>', path.read_text())
    assert len(found) == 1
    data = json.loads(found[0])
    return data["about"], data["records"]


def test_the_page_has_what_the_terminal_has(coral: Program, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    script = coral.script(DRAWN)
    ended = coral.run("run", script, "--html", str(report), "-p", "a=1")
    assert ended.code == 0
    assert ended.stderr == f"after\ncoral: wrote {report}\n"
    assert ended.stdout.startswith(TERMINAL)
    assert coral.run("run", script).stdout == ended.stdout, "the same as without a page"

    about, records = data_of(report)
    assert (about["script"], about["params"], about["outcome"]) == (script, {"a": 1}, "exit code 0")
    assert [record for record in records if record.get("text") != "after\n"] == [
        {"kind": "text", "text": "before red\n"},
        {
            "kind": "bar",
            "title": "Requests",
            "bars": [["orders", 1], ["payments", 2]],
        },
        {
            "kind": "table",
            "columns": [{"name": "name"}, {"name": "big"}, {"name": "at"}, {"name": "n"}],
            "rows": [["a", "1152921504606846976", "1970-01-01T00:00:00.000Z", None]],
        },
        {"kind": "output", "value": [{"a": {"1": [2]}}]},
    ]
    assert {"kind": "text", "text": "after\n"} in records


def test_with_a_format_stdout_stays_the_answer(coral: Program, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    script = coral.script(SDK + "coral.plot.bar({ a: 1 });\nexport default [{ n: 7 }];")
    ended = coral.run("run", script, "-o", "json", "--html", str(report), "-q")
    assert (ended.code, ended.stdout) == (0, '[{"n":7}]\n')
    assert ended.stderr == f"a │{'█' * 75} 1\n"
    assert [record["kind"] for record in data_of(report)[1]] == ["bar", "output"]


def test_the_order_stays_where_both_streams_are_one(coral: Program, tmp_path: Path) -> None:
    script = coral.script(
        SDK + "console.log(1); console.error(2); coral.plot.bar({ a: 1 }); console.error(3); console.log(4);"
    )
    done = subprocess.run(
        coral.command("run", script, "--html", str(tmp_path / "r.html"), "-q"),
        env=coral.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=True,
    )
    assert [line[0] for line in done.stdout.splitlines()] == ["1", "2", "a", "3", "4"]
    texts = [record.get("text", "chart") for record in data_of(tmp_path / "r.html")[1]]
    assert texts == ["1\n2\n", "chart", "3\n4\n"]


@pytest.mark.parametrize(
    ("text", "code", "outcome"),
    [
        ("Deno.exit(3);", 3, "exit code 3"),
        ('throw new Error("boom");', 1, "exit code 1"),
        ("while (true);", 124, "stopped at its time limit"),
    ],
)
def test_a_run_that_fails_has_a_page_that_says_so(
    coral: Program, tmp_path: Path, text: str, code: int, outcome: str
) -> None:
    report = tmp_path / "report.html"
    script = coral.script(SDK + f"coral.plot.spark([1, 2]);\n{text}")
    ended = coral.run("run", script, "--html", str(report), "--timeout", "3s")
    assert ended.code == code
    about, records = data_of(report)
    assert (about["outcome"], about["failed"]) == (outcome, True)
    assert records[0]["kind"] == "spark"
    if "boom" in text:
        assert "boom" in str(records[1]["text"])


def test_a_reader_that_leaves(coral: Program, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    script = coral.script("console.log('first'); while (true) console.log('x'.repeat(1000));")
    with coral.start("run", script, "--html", str(report)) as running:
        assert running.stdout is not None
        assert first_line(running) == "first"
        running.stdout.close()
        assert running.wait(DEADLINE_SECONDS) == 141
    assert str(data_of(report)[1][0]["text"]).startswith("first\n")


def test_what_a_page_keeps_is_bounded(coral: Program, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    script = coral.script(
        SDK
        + 'for (let i = 0; i < 3; i++) coral.output("x".repeat(4 << 20));\n'
        + 'for (let i = 0; i < 9; i++) console.log("y".repeat(1 << 20));\ncoral.plot.bar({ a: 1 });'
    )
    ended = coral.run("run", script, "--html", str(report))
    assert ended.code == 0
    assert len(ended.stdout) > 21 << 20
    kinds = [record["kind"] for record in data_of(report)[1]]
    assert kinds[0] == "output"
    assert "cut" in kinds
    assert kinds[-1] == "dropped"
    assert report.stat().st_size < REPORT_BYTES + 200_000


@pytest.mark.parametrize(
    "value",
    ['JSON.rawJSON("1e999")', 'JSON.parse("[".repeat(980) + "]".repeat(980))', '{a: JSON.rawJSON("-1e999")}'],
)
def test_a_value_without_a_form_spoils_no_page(coral: Program, tmp_path: Path, value: str) -> None:
    report = tmp_path / "r.html"
    script = coral.script(
        'import * as coral from "@coral/sdk"; console.log("before");\n'
        f'coral.output({value}); console.log("after"); Deno.readTextFileSync("/etc/passwd");'
    )
    ended = coral.run("run", script, "--html", str(report))
    assert ended.code == 77, ended.stderr
    assert "Coral failed" not in ended.stderr
    text = report.read_text()
    assert "before" in text
    assert "after" in text
    assert '"outcome":"denied"' in (coral.home / "state" / "coral" / "audit.jsonl").read_text()


def test_a_report_that_cannot_be_written_hides_no_exit_code(coral: Program, tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    for text, code in (("Deno.exit(5);", 5), ("", 74)):
        folder.mkdir()
        script = coral.script(
            'console.log("up"); for await (const _ of Deno.stdin.readable);' + text,
        )
        process = subprocess.Popen(
            coral.command("run", script, "--html", str(folder / "r.html")),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=coral.environment,
            cwd=coral.home,
        )
        assert first_line(process) == "up"
        folder.rmdir()
        _, stderr = process.communicate()
        assert (process.returncode, b"r.html cannot be written: No such file" in stderr) == (code, True)


HOSTILE = "</script><script>alert(1)</script><!--<img src=x onerror=alert(1)> & \u2028 ]]>"


def test_no_text_of_a_script_becomes_markup() -> None:
    made = page({"script": HOSTILE}, [json.dumps({"kind": "text", "text": HOSTILE})])
    empty = page({}, [])
    for mark in ("<script", "</script", "<!--", "<img", "-->"):
        assert made.count(mark) == empty.count(mark)
    found = re.search(r'id="data">(.*?)</script>', made)
    assert found is not None
    assert json.loads(found[1])["records"][0]["text"] == HOSTILE


def test_the_page_allows_its_own_script_and_style_and_nothing_else() -> None:
    made = page({}, [])
    found = re.search(r'http-equiv="Content-Security-Policy" content="(.*?)"', made)
    assert found is not None
    script = made[made.rindex("<script>") + len("<script>") : made.rindex("</script>")]
    style = made[made.index("<style>") + len("<style>") : made.index("</style>")]
    hashes = [b64encode(sha256(text.encode()).digest()).decode() for text in (script, style)]
    assert found[1] == (
        f"default-src 'none'; script-src 'sha256-{hashes[0]}'; style-src 'sha256-{hashes[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert not re.search(
        r"https?://", re.sub(r"http://www\.w3\.org/2000/svg", "", made[: made.rindex("<!--")])
    )
    assert "Leon Sorokin" in made, "uPlot's licence wants its notice in every copy"


@pytest.mark.parametrize(
    ("place", "code", "message"),
    [
        ("no/such/report.html", 74, "there is no folder"),
        ("", 2, "is a folder, expected a file"),
        ("folder", 2, "is a folder, expected a file"),
        ("script.ts", 2, "would replace a script"),
        ("pipe", 74, "cannot be written"),
    ],
)
def test_a_place_that_cannot_be_used_is_told_before_the_run(
    coral: Program, tmp_path: Path, place: str, code: int, message: str
) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    ended = coral.run(
        "run", coral.script('console.log("ran");'), "--html", str(tmp_path / place) if place else ""
    )
    assert (ended.code, ended.stdout) == (code, "")
    assert message in ended.stderr
    assert "hint: " in ended.stderr


def test_the_variable_is_the_flags_twin(coral: Program, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    script = coral.script("console.log(1);")
    assert coral.run("run", script, CORAL_RUN_HTML=str(report)) == Result(
        0, "1\n", f"coral: wrote {report}\n"
    )
    assert data_of(report)[1] == [{"kind": "text", "text": "1\n"}]


def test_the_script_may_still_write_nothing(coral: Program, tmp_path: Path) -> None:
    script = coral.script(f"await Deno.writeTextFile({json.dumps(str(tmp_path / 'x'))}, '');")
    assert coral.run("run", script, "--html", str(tmp_path / "r.html")).code == 77


WORD = "0123456789abcdef" * 2


def _frame(text: str) -> bytes:
    return f"\x1e{WORD}{text}\n".encode()


@given(st.lists(st.integers(1, 50), max_size=30), st.data())
def test_records_are_found_however_the_stream_is_cut(sizes: list[int], data: st.DataObject) -> None:
    parts = [b"text \x1e not a record\n", _frame('+{"kind":"bar"}'), b"drawn\n", _frame(")"), b"end \x1e0123"]
    stream = b"".join(parts)
    file = io.BytesIO()
    records = Records(file, 1000)
    splitter = Splitter(WORD, records)
    shown = b""
    for size in sizes:
        piece, stream = stream[:size], stream[size:]
        shown += splitter.feed(piece)
    shown += splitter.feed(stream) + splitter.end()
    records.end()
    assert shown == b"text \x1e not a record\ndrawn\nend \x1e0123"
    assert [json.loads(line) for line in file.getvalue().splitlines()] == [
        {"kind": "text", "text": "text  not a record\n"},
        {"kind": "bar"},
        {"kind": "text", "text": "end 0123"},
    ]


def test_what_is_no_record_is_left_out_and_counted(coral: Program, tmp_path: Path) -> None:
    """A script that finds the word out makes a bad page, of its own run, and nothing worse."""
    report = tmp_path / "report.html"
    runs = os.path.join(coral.environment["CORAL_CACHE_DIR"], "runs")
    forged = (
        "let text;\n"
        "for (let run = 0; text === undefined; run++) {\n"
        f"  try {{ text = Deno.readTextFileSync(`{runs}/${{run}}/report.js`); }} catch {{ /* another's */ }}\n"
        "}\n"
        'const word = /"word": ?"(\\w+)"/.exec(text)[1];\n'
        'for (const bad of ["{", "[1]", "{}", \'{"kind":7}\', \'{"kind":"nonsense"}\', "NaN", "[".repeat(99999)])\n'
        "  console.log(`\\x1e${word}+${bad}\\n\\x1e${word})`);\n"
        'console.log("end");'
    )
    ended = coral.run("run", coral.script(forged), "--html", str(report))
    assert (ended.code, ended.stdout.strip()) == (0, "end"), ended.stderr
    about, records = data_of(report)
    assert about["damaged"] == 6
    assert [record["kind"] for record in records] == ["nonsense", "text"]
