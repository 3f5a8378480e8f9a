"""The operating system's layers, one by one; what they hold together is in tests/attacks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from coral.errors import ConfigError
from coral.runner.containment import cgroup
from coral.runner.containment.confine import Confinement
from coral.runner.containment.report import report
from coral.runner.containment.switches import LAYERS, switched_off
from coral.runner.containment.watchdog import Watchdog
from tests.runner.program import Program

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux has these layers")

HOLD = "const held = []; for (;;) held.push(new Uint8Array(8 << 20).fill(1));"


def test_the_report_names_every_layer_once() -> None:
    layers = report()
    names = [layer.name for layer in layers]
    assert len(set(names)) == len(names) == 9
    for layer in layers:
        assert layer.in_force is (layer.missing is None), layer
    assert {"seccomp", "rlimits", "no_new_privs", "parent_death", "descriptors"} <= {
        layer.name for layer in layers if layer.in_force
    }


@pytest.mark.parametrize("name", ["landlock", "seccomp", "rlimits"])
def test_a_layer_that_is_switched_off_is_missing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("CORAL_CONTAINMENT_OFF", name)
    missing = {layer.name: layer.missing for layer in report()}
    assert missing[name] == "switched off"


def test_the_group_is_tried_with_a_process_that_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd moves none that has ended; so `coral doctor` would say that nothing holds."""
    seen = []

    def settle(self: Confinement, pid: int, taken_bytes: int) -> None:
        seen.append(psutil.Process(pid).status())

    monkeypatch.setattr(Confinement, "settle", settle)
    report()
    assert len(seen) == 1
    assert seen[0] != psutil.STATUS_ZOMBIE


def test_the_report_as_a_program() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "coral.runner.containment"],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert json.loads(answer.stdout)[0]["name"] == "landlock"


def test_unknown_switches_are_refused(monkeypatch: pytest.MonkeyPatch, coral: Program) -> None:
    monkeypatch.setenv("CORAL_CONTAINMENT_OFF", "landlok")
    with pytest.raises(ConfigError, match="there is no layer 'landlok'"):
        switched_off()
    monkeypatch.setenv("CORAL_CONTAINMENT_OFF", "all")
    assert switched_off() == set(LAYERS)
    ended = coral.run("run", coral.script(""), CORAL_CONTAINMENT_OFF="landlok")
    assert (ended.code, ended.stdout) == (78, "")


def test_what_is_switched_off_is_said(coral: Program) -> None:
    ended = coral.run("run", coral.script("console.log(1)"), CORAL_CONTAINMENT_OFF="landlock")
    assert (ended.code, ended.stdout) == (0, "1\n")
    assert ended.stderr == "coral: containment without landlock: switched off\n"


@pytest.mark.parametrize("off", ["", "cgroup", "cgroup,rlimits"])
def test_memory_outside_the_heap_has_a_ceiling(coral: Program, off: str) -> None:
    ended = coral.run("run", coral.script(HOLD), "--memory", "256m", CORAL_CONTAINMENT_OFF=off)
    assert ended.code == 137
    assert "error: script.ts ran out of its 256 MiB of memory" in ended.stderr


@pytest.mark.parametrize("off", ["", "cgroup"])
def test_threads_have_a_ceiling(coral: Program, off: str) -> None:
    script = coral.script(
        """
        let up = 0;
        for (let number = 0; number < 150; number++) {
          try {
            const worker = new Worker("data:text/javascript,postMessage(1);setInterval(()=>{},1e6)", {type: "module"});
            worker.onmessage = () => up++;
            worker.onerror = (event) => event.preventDefault();
          } catch { break; }
          await new Promise((done) => setTimeout(done, 2));
        }
        await new Promise((done) => setTimeout(done, 1500));
        console.log(up);
        Deno.exit(0);
        """
    )
    ended = coral.run("run", script, "--memory", "2g", CORAL_CONTAINMENT_OFF=off)
    # Deno itself panics where it cannot have a thread more, or the watchdog ends it.
    assert ended.code != 0 or int(ended.stdout) < 80, ended


def test_output_has_a_limit_that_can_be_raised(coral: Program) -> None:
    script = coral.script('for (let n = 0; n < 20; n++) console.log("x".repeat(1 << 20));')
    assert coral.run("run", script).code == 0
    ended = coral.run("run", script, CORAL_OUTPUT="4m")
    assert ended.code == 124
    assert "error: script.ts was stopped at its output limit of 4 MiB" in ended.stderr
    wrong = coral.run("run", script, CORAL_OUTPUT="much")
    assert wrong.code == 78


def test_the_watchdog_looks_at_its_own_process() -> None:
    own = os.getpid()
    assert Watchdog(own, memory_bytes=1, tasks=None, output_bytes=None).exceeded() == "memory"
    assert Watchdog(own, memory_bytes=None, tasks=0, output_bytes=None).exceeded() == "tasks"
    assert Watchdog(own, memory_bytes=1 << 50, tasks=1000, output_bytes=1 << 60).exceeded() is None
    written = Watchdog(own, memory_bytes=None, tasks=None, output_bytes=0)
    os.write(os.open(os.devnull, os.O_WRONLY), b"something")
    assert written.exceeded() == "output"


def test_the_watchdog_looks_more_often_near_the_limit() -> None:
    own = os.getpid()
    taken = psutil.Process().memory_info().rss
    held: list[str] = []

    def looked(memory_bytes: int) -> float:
        watchdog = Watchdog(own, memory_bytes=memory_bytes, tasks=None, output_bytes=None, held=lambda: held)
        assert watchdog.exceeded() is None
        return watchdog.tick

    far = looked(taken * 100)
    assert looked(taken * 2) < far
    held.append("memory")
    assert looked(taken * 2) == far


def test_groups_are_removed(coral: Program) -> None:
    made = cgroup.make(cgroup.Ceilings(memory_bytes=1 << 30, tasks=100, cpu_percent=10_000))
    if "memory" not in made.holds:
        pytest.skip(f"no group can be made here: {made.missing}")
    with subprocess.Popen(["sleep", "60"]) as child:
        made.add(child.pid)
        groups = Path(f"/proc/{child.pid}/cgroup").read_text()
        assert f"/coral-run-{os.getpid()}-0" in groups
        child.kill()
    made.close()
    root = Path("/sys/fs/cgroup")
    assert not list(root.glob(f"*/**/coral-run-{os.getpid()}-*"))


def test_nothing_is_left_in_the_folder_of_caches_by_scripts(coral: Program, cache: Path) -> None:
    coral.run("run", coral.script("console.log(1)"))
    before = {path: path.stat().st_mtime_ns for path in (cache / "deno-dir").rglob("*") if path.is_file()}
    ended = coral.run("run", coral.script("interface A { a: number } console.log({ a: 2 } as A)"))
    assert ended.code == 0
    after = {path: path.stat().st_mtime_ns for path in (cache / "deno-dir").rglob("*") if path.is_file()}
    assert after == before


def test_a_hidden_file_has_no_other_spelling(coral: Program) -> None:
    coral.script("")
    (coral.home / "scripts" / ".secret.ts").write_text("export const secret = 'taken';")
    for spelling in ("./.secret.ts", "./%2esecret.ts", "./x/../%2Esecret.ts"):
        script = coral.script(f'import {{ secret }} from "{spelling}"; console.log(secret);')
        for off in ("", "landlock"):
            ended = coral.run("run", script, CORAL_CONTAINMENT_OFF=off)
            assert (ended.code, ended.stdout) == (77, ""), (spelling, off, ended)
            assert "which scripts may not read" in ended.stderr
