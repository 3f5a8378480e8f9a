"""`coral test`: checks, golden output, and a clock that waits for nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.replay.conftest import Recorded
from tests.runner.program import Program, Result

CLOCK = """
const began = Date.now();
const said: string[] = [];
const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));
const since = () => (Date.now() - began) / 1000;
setTimeout(() => said.push(`late ${since()}`), 7_200_000);
setTimeout(() => said.push(`a ${since()}`), 1_000);
setTimeout((what: string) => said.push(`${what} ${since()}`), 1_000, "b");
const stopped = setTimeout(() => said.push("never"), 500);
clearTimeout(stopped);
let ticks = 0;
const every = setInterval(() => {
  if (++ticks === 3) clearInterval(every);
}, 60_000);
await sleep(3_600_000);
said.push(`slept ${since()}, ${ticks} ticks, performance ${performance.now() / 1000}`);
const signal = AbortSignal.timeout(5_000);
await new Promise((done) => signal.addEventListener("abort", done, { once: true }));
said.push(`aborted ${since()} ${signal.reason.name}`);
said.push(`${new Date().getTime() === Date.now()} ${new Date() instanceof Date} ${new Date(0).toISOString()}`);
said.push(`${typeof Date()} ${Date.UTC(1970, 0, 2)} ${new Date(2020, 1).constructor === Date}`);
await sleep(3_600_000);
console.log(said.join("\\n"));
"""


@pytest.fixture
def tests(coral: Program, recorded: Recorded, tmp_path: Path) -> Suite:
    return Suite(coral, recorded, tmp_path / "tests")


class Suite:
    def __init__(self, coral: Program, recorded: Recorded, folder: Path) -> None:
        self.folder = folder
        self._coral = coral
        self._recorded = recorded
        folder.mkdir()

    def script(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text('import * as coral from "@coral/sdk";\n' + text)
        return path

    def run(self, *arguments: str | Path, dataset: bool = True) -> Result:
        more = ["--dataset", str(self._recorded.path)] if dataset else []
        return self._coral.run("test", *map(str, arguments), *more)


def test_time_jumps_from_wait_to_wait(tests: Suite) -> None:
    script = tests.script("clock.ts", CLOCK)
    ended = tests.run(script, "--update")
    assert ended.code == 0, ended
    assert script.with_suffix(".expected").read_text().splitlines() == [
        "a 1",
        "b 1",
        "slept 3600, 3 ticks, performance 3600",
        "aborted 3605 TimeoutError",
        "true true 1970-01-01T00:00:00.000Z",
        "string 86400000 true",
        "late 7200",
    ]


def test_a_loop_asks_as_of_its_own_time(tests: Suite, recorded: Recorded) -> None:
    script = tests.script(
        "loop.ts",
        """
        for (let n = 0; ; n++) {
          console.log(n, Math.round(await coral.metrics.getP99Ms("payments", undefined, "1m")));
          await new Promise((done) => setTimeout(done, 60_000));
        }
        """,
    )
    at = recorded.first.replace(second=30).isoformat()
    ended = tests.run(script, "--update", "--at", at, "--for", "20m")
    assert ended.code == 99  # at its first minute no data are known
    assert "NoDataError" in ended.stdout
    at = recorded.first.replace(minute=recorded.first.minute).isoformat()
    script.write_text(script.read_text().replace("await coral.metrics", "await coral.metrics", 1))
    later = (recorded.first.replace(second=30)).fromtimestamp(recorded.first.timestamp() + 150).isoformat()
    ended = tests.run(script, "--update", "--at", later, "--for", "20m")
    assert ended.code == 0, ended
    values = [int(line.split()[1]) for line in script.with_suffix(".expected").read_text().splitlines()]
    assert set(values) == {20, 900}
    assert len(values) == 21


def test_what_passes_and_what_does_not(tests: Suite) -> None:
    tests.script("good_test.ts", 'coral.assert(true, "it holds"); console.log("fine");')
    tests.script("bad_test.ts", 'coral.threshold("p99", 900, { max: 500 });')
    tests.script("thrown_test.ts", 'throw new Error("broken");')
    tests.script("golden.ts", 'console.log("one\\ntwo");')
    tests.script("other.ts", 'throw new Error("this is no test");')
    (tests.folder / "golden.expected").write_text("one\nthree\n")
    ended = tests.run(tests.folder)
    assert ended.code == 99
    assert ended.stdout.splitlines()[-1] == "1 passed, 3 failed"
    lines = [line.partition(" (")[0] for line in ended.stdout.splitlines() if not line.startswith("      ")]
    names = ("FAIL  bad_test.ts", "FAIL  golden.ts", "ok    good_test.ts", "FAIL  thrown_test.ts")
    assert [line.replace(f"{tests.folder}/", "") for line in lines[:-1]] == list(names)
    assert "      failed: threshold p99 failed: 900 is above 500" in ended.stdout
    assert "      -three\n      +two\n" in ended.stdout
    assert "Error: broken" in ended.stdout


def test_golden_output_is_written_when_it_is_asked_for(tests: Suite) -> None:
    script = tests.script("report.ts", "console.log(coral.params.n ?? 1);")
    golden = script.with_suffix(".expected")
    assert tests.run(script).code == 0
    assert not golden.exists()
    assert "golden output written" in tests.run(script, "--update").stdout
    assert golden.read_text() == "1\n"
    assert tests.run(tests.folder).stdout.splitlines()[-1] == "1 passed, 0 failed"
    assert tests.run(script, "-p", "n=2").code == 99
    assert golden.read_text() == "1\n"
    assert tests.run(script, "-p", "n=2", "--update").code == 0
    assert golden.read_text() == "2\n"
    script.write_text('console.log("x"); throw new Error("no");')
    assert tests.run(script, "--update").code == 99
    assert golden.read_text() == "2\n"


def test_golden_output_that_is_no_file(tests: Suite) -> None:
    script = tests.script("report.ts", "console.log(1);")
    golden = script.with_suffix(".expected")
    for kind in ("a named pipe", "a device"):
        golden.unlink(missing_ok=True)
        if kind == "a device":
            golden.symlink_to("/dev/zero")
        else:
            os.mkfifo(golden)
        for options in ([], ["--update"]):
            ended = tests.run(script, *options)
            assert ended.code == 99
            assert f"the golden output report.expected is {kind}, expected a file" in ended.stdout
    golden.unlink()
    victim = tests.folder / "victim"
    victim.write_text("mine")
    golden.symlink_to(victim)
    assert "golden output written" in tests.run(script, "--update").stdout
    assert (golden.read_text(), golden.is_symlink(), victim.read_text()) == ("1\n", False, "mine")


def test_a_script_that_goes_on_is_told_how_to_end(tests: Suite) -> None:
    script = tests.script("daemon.ts", "setInterval(() => undefined, 60_000);")
    ended = tests.run(script)
    assert ended.code == 99
    assert "within 24 hours of its own clock, the limit VIRTUAL_SECONDS" in ended.stdout
    assert tests.run(script, "--for", "1h").code == 0


def test_a_script_that_never_waits_ends_at_the_real_limit(tests: Suite) -> None:
    script = tests.script("busy.ts", "const end = Date.now() + 1000; while (Date.now() < end);")
    ended = tests.run(script, "--timeout", "2s")
    assert ended.code == 99
    assert "stopped at its time limit of 2 s" in ended.stdout


def test_wrong_uses_are_told(tests: Suite) -> None:
    assert tests.run(tests.folder).code == 66
    assert tests.run(tests.folder / "nothing.ts").code == 66
    script = tests.script("a_test.ts", "")
    ended = tests.run(script, dataset=False)
    assert ended.code == 2
    assert "none lies beside the scripts" in ended.stderr
    assert tests.run(script, "--at", "yesterday").code == 2
    assert tests.run(script, "--for", "0s").code == 2


def test_the_recording_beside_the_scripts_is_taken(tests: Suite, recorded: Recorded) -> None:
    script = tests.script("a_test.ts", "")
    (tests.folder / "incident.duckdb").write_bytes(recorded.path.read_bytes())
    assert tests.run(script, dataset=False).stdout.endswith("1 passed, 0 failed\n")
