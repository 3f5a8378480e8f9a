"""`coral backtest`: when a script that watches would have fired."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

from tests.replay.conftest import INCIDENT, MINUTE, Recorded
from tests.runner.program import Program

ALERT = """
import * as coral from "@coral/sdk";
console.log("watching");
for (;;) {
  const p99 = await coral.metrics.getP99Ms("payments", undefined, "1m").catch(() => 0);
  if (p99 > (coral.params.above ?? 500)) {
    await coral.emit("latency", { severity: "warning", message: "slow", p99: Math.round(p99) });
  }
  await new Promise((done) => setTimeout(done, 60_000));
}
"""


def test_it_fires_when_it_would_have(coral: Program, recorded: Recorded) -> None:
    script = coral.script(ALERT)
    ended = coral.run("backtest", script, "--dataset", str(recorded.path), "-o", "json")
    assert (ended.code, ended.stderr) == (0, "")
    found = json.loads(ended.stdout)
    assert found["fired"] == len(found["entries"]) - 1
    first, *events = found["entries"]
    assert (first["kind"], first["name"], first["text"]) == ("line", "log", "watching")
    assert {(event["kind"], event["name"], event["severity"]) for event in events} == {
        ("event", "latency", "warning")
    }
    assert json.loads(events[0]["text"]) == {"severity": "warning", "message": "slow", "p99": 900}
    times = [datetime.fromisoformat(event["time"]).replace(tzinfo=None) for event in events]
    assert times == sorted(times)
    # A minute is known when it is over; the window of one minute then reaches back to it.
    begin, end = recorded.first + INCIDENT.start * MINUTE, recorded.first + INCIDENT.stop * MINUTE
    assert begin + MINUTE <= times[0] < begin + 2 * MINUTE
    assert end <= times[-1] < end + MINUTE
    assert len(times) == len(INCIDENT)


def test_a_table_for_people_and_a_shorter_time(coral: Program, recorded: Recorded) -> None:
    script = coral.script(ALERT)
    ended = coral.run("backtest", script, "--dataset", str(recorded.path), "--since", "10m")
    assert ended.code == 0
    assert ended.stdout.splitlines()[0].split() == ["time", "kind", "name", "severity", "text"]
    assert ended.stderr.startswith("fired 0 times from 20")
    none = coral.run("backtest", script, "--dataset", str(recorded.path), "-p", "above=1000", "-o", "csv")
    assert (none.code, len(none.stdout.splitlines())) == (0, 2)


def test_without_a_recording_one_is_taken(coral: Program, recorded: Recorded) -> None:
    script = coral.script(ALERT)
    ended = coral.run("backtest", script, "--colony", recorded.colony, "--since", "40m")
    assert ended.code == 0, ended.stderr
    assert f"fired {len(INCIDENT)} times" in ended.stderr


def test_a_script_that_fails_or_does_not_wait_is_told(coral: Program, recorded: Recorded) -> None:
    asked = ("--dataset", str(recorded.path))
    thrown = coral.run("backtest", coral.script('throw new Error("broken");'), *asked)
    assert (thrown.code, "Error: broken" in thrown.stderr) == (65, True)
    endless = coral.run("backtest", coral.script("for (;;) await null;"), *asked, "--timeout", "1s")
    assert (endless.code, "time limit of 1 s" in endless.stderr) == (124, True)
    failed = coral.run(
        "backtest",
        coral.script('import * as coral from "@coral/sdk"; coral.assert(false, "it holds");'),
        *asked,
    )
    assert (failed.code, "1 check failed" in failed.stderr) == (99, True)
    assert coral.run("backtest", "nothing.ts", *asked).code == 2


def test_jumps_are_bounded(coral: Program, recorded: Recorded) -> None:
    script = coral.script("setInterval(() => undefined, 1);")
    program = (
        "import sys, coral.runner.script as s; s.MAX_CLOCK_JUMPS = 100\n"
        "from pathlib import Path\n"
        "from coral.replay.hosting import RecordingHost\n"
        "from coral.replay.run import Spec, main\n"
        "with RecordingHost(Path(sys.argv[1])) as h, h.run('x') as host:\n"
        "    code = main(Spec(sys.argv[2], host.socket, host.token, at=0.0, until=1e9))\n"
        "sys.exit(code)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(recorded.path), script],
        env=coral.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 124
    assert "waited 100 times, the limit MAX_CLOCK_JUMPS" in ended.stderr


def test_the_socket_of_a_run_is_gone_after_it(coral: Program, recorded: Recorded) -> None:
    before = set(Path(coral.environment["TMPDIR"]).glob("coral-*"))
    assert coral.run("run", "--dataset", str(recorded.path), coral.script("console.log(1)")).stdout == "1\n"
    assert set(Path(coral.environment["TMPDIR"]).glob("coral-*")) - before == set()
