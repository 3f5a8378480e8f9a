"""The audit: what is written down, that nothing else is, and that it neither grows nor tears."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from coral.runner import audit
from tests.runner.program import Program, finish, first_line


def written(coral: Program) -> list[dict[str, object]]:
    """The records in a program's home."""
    path = coral.home / "state" / "coral" / "audit.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_run_without_anything_to_tell_writes_nothing(coral: Program) -> None:
    for code, text in ((0, ""), (5, "Deno.exit(5);"), (1, "throw new Error('x');"), (65, "const = 1;")):
        assert coral.run("run", coral.script(text)).code == code
    # A machine without control groups is told for runs that take longer than a moment.
    assert [record for record in written(coral) if record["outcome"] != "walls missing"] == []


@pytest.mark.parametrize(
    ("text", "options", "outcome", "code"),
    [
        ("Deno.readTextFileSync('/etc/passwd');", [], "denied", 77),
        ('import "/etc/hostname";', [], "denied", 77),
        ('import "https://example.com/x.ts";', [], "denied", 77),
        ("while (true);", ["--timeout", "200ms"], "limited", 124),
        ("for (;;) console.log('x'.repeat(1 << 20));", [], "limited", 124),
    ],
)
def test_what_was_refused_or_limited_is_written_down(
    coral: Program, text: str, options: list[str], outcome: str, code: int
) -> None:
    script = coral.script(text)
    assert coral.run("run", script, *options, CORAL_OUTPUT="16m").code == code
    (record,) = written(coral)
    assert (record["outcome"], record["exit_code"]) == (outcome, code)
    assert record["script"] == os.path.realpath(script)
    assert record["uid"] == os.getuid()
    assert isinstance(record["reason"], str)
    assert len(record["reason"]) > 20
    assert (coral.home / "state" / "coral" / "audit.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_missing_wall_is_written_down(coral: Program) -> None:
    assert coral.run("run", coral.script(""), "-q", CORAL_CONTAINMENT_OFF="landlock").code == 0
    (record,) = written(coral)
    assert (record["outcome"], record["reason"]) == ("walls missing", "not all walls were in force")
    missing = record["missing"]
    assert isinstance(missing, list)
    assert "landlock: switched off" in missing


def test_a_script_can_neither_read_nor_write_it(coral: Program) -> None:
    coral.run("run", coral.script("Deno.env.get('HOME');"))
    before = written(coral)
    path = coral.home / "state" / "coral" / "audit.jsonl"
    attack = f"for (const f of ['readTextFileSync', 'removeSync']) try {{ Deno[f]('{path}'); }} catch {{ 0 }}"
    assert coral.run("run", coral.script(attack + f"\nDeno.writeTextFileSync('{path}', '');")).code == 77
    assert written(coral)[:-1] == before


def test_runs_at_once_write_whole_lines(coral: Program) -> None:
    script = coral.script("Deno.hostname();")
    processes = [coral.start("run", script) for _ in range(8)]
    assert [finish(process).code for process in processes] == [77] * 8
    assert len(written(coral)) == 8


def test_a_run_is_not_spoiled_where_it_cannot_be_written(coral: Program) -> None:
    (coral.home / "state").mkdir()
    (coral.home / "state" / "coral").write_text("no folder")
    ended = coral.run("run", coral.script("Deno.hostname();"))
    assert ended.code == 77
    assert "audit.jsonl cannot be written: " in ended.stderr
    assert coral.run("audit").code == 74


def test_it_does_not_grow_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(audit, "LARGEST_BYTES", 1000)
    for number in range(100):
        audit._append(json.dumps({"number": number}) + "\n")
    files = sorted((tmp_path / "coral").iterdir())
    assert [file.name for file in files] == ["audit.1.jsonl", "audit.jsonl"]
    assert all(file.stat().st_size <= 1000 for file in files)
    numbers = [record["number"] for record in audit.records()]
    assert numbers == list(range(100 - len(numbers), 100))
    assert len(numbers) > 60


def test_a_torn_line_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    audit._append('{"number": 1}\n')
    with open(audit.audit_file(), "a", encoding="utf-8") as file:
        file.write('{"number": 2, "scr\n')
    audit._append('{"number": 3}\n')
    assert [record["number"] for record in audit.records()] == [1, 3]


def test_a_reader_that_goes_away_keeps_nothing_out_of_the_audit(coral: Program) -> None:
    script = coral.script(
        'console.log("up"); for await (const _ of Deno.stdin.readable); while (true) console.log(1);'
    )
    process = subprocess.Popen(
        coral.command("run", script),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**coral.environment, "CORAL_CONTAINMENT_OFF": "rlimits"},
        cwd=coral.home,
    )
    assert first_line(process) == "up"
    assert process.stdout is not None
    assert process.stdin is not None
    process.stdout.close()
    process.stdin.close()
    assert process.wait() == 141
    assert [record["outcome"] for record in written(coral)] == ["walls missing"]
