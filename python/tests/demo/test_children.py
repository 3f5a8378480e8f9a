"""Child processes: they speak JSON lines, stop when asked, and never outlive their parent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from coral.demo.children import Child, ChildError, wait_until
from coral.demo.launch import child_environment

SECONDS = 20.0

SAYS_READY = (
    "import json, sys, time; print(json.dumps({'event': 'ready', 'a': 1}), flush=True); time.sleep(600)"
)
IGNORES_SIGTERM = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SAYS_READY

PARENT = """
import json, sys, time
from pathlib import Path
from coral.demo.children import Child
from coral.demo.launch import child_environment
child = Child("a child", [sys.executable, "-c", sys.argv[1]], Path(sys.argv[2]), child_environment())
child.expect("ready", 20)
print(json.dumps({"event": "ready", "pid": child.pid}), flush=True)
time.sleep(600)
"""


def _child(code: str, folder: Path) -> Child:
    return Child("a child", [sys.executable, "-c", code], folder / "log", child_environment())


def test_an_event_is_read_and_sigterm_ends_the_child(tmp_path: Path) -> None:
    with _child(SAYS_READY, tmp_path) as child:
        assert child.expect("ready", SECONDS) == {"event": "ready", "a": 1}
        assert child.exit_code is None
        child.check()
        assert child.stop() == -signal.SIGTERM


def test_a_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    with _child(IGNORES_SIGTERM, tmp_path) as child:
        child.expect("ready", SECONDS)
        assert child.stop(timeout_seconds=0.1) == -signal.SIGKILL


def test_a_child_that_fails_shows_its_log(tmp_path: Path) -> None:
    with _child("raise SystemExit('no such table')", tmp_path) as child:
        with pytest.raises(ChildError) as raised:
            child.expect("ready", SECONDS)
        assert raised.value.message == "a child ended with exit code 1"
        assert raised.value.hint is not None
        assert "no such table" in raised.value.hint
        with pytest.raises(ChildError, match="ended with exit code 1"):
            child.check()


def test_a_silent_child_is_an_error_in_time(tmp_path: Path) -> None:
    with (
        _child("import time; time.sleep(600)", tmp_path) as child,
        pytest.raises(ChildError, match=r"did not say 'ready' within 0.1 s"),
    ):
        child.expect("ready", 0.1)


def test_another_event_is_an_error(tmp_path: Path) -> None:
    with (
        _child("print('hello')", tmp_path) as child,
        pytest.raises(ChildError, match=r"not JSON.*hello.*where 'ready' was expected"),
    ):
        child.expect("ready", SECONDS)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_a_child_dies_with_a_killed_parent(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, SAYS_READY, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=child_environment()) as parent:
        assert parent.stdout is not None
        pid = json.loads(parent.stdout.readline())["pid"]
        assert psutil.pid_exists(pid)

        os.kill(parent.pid, signal.SIGKILL)

        assert wait_until(lambda: not _runs(pid), SECONDS)


def test_a_proxy_or_otel_setting_does_not_reach_the_children(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "https_proxy", "OTEL_SDK_DISABLED", "CORAL_COLONY"):
        monkeypatch.setenv(name, "something")

    environment = child_environment()

    assert not {"HTTP_PROXY", "https_proxy", "OTEL_SDK_DISABLED", "CORAL_COLONY"} & set(environment)
    assert environment["PATH"] == os.environ["PATH"]


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
