"""`ci/with-docker`: engines take turns, and leave no firewall rule, bridge, process or folder behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine import DEADLINE_SECONDS, wait_for

WITH_DOCKER = Path(__file__).parents[3] / "ci" / "with-docker"
PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"  # which Bazel leaves out
PROGRAMS = ("docker", "dockerd", "iptables-save", "iptables-restore", "unshare", "nsenter")


def child(parent: subprocess.Popen[bytes], name: str) -> str:
    """The process id of a child, once it has become that program."""
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
    return next((pid for pid in children if Path(f"/proc/{pid}/comm").read_text() == f"{name}\n"), "")


def send(to: signal.Signals, one: subprocess.Popen[bytes]) -> None:
    """Sends a signal to `ci/with-docker` itself, which `nsenter` waits for."""
    os.kill(int(child(one, "bash")), to)


class Machine:
    """Namespaces of our own for network, processes and mounts: a firewall that is nobody else's.

    Its processes end with it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._init = subprocess.Popen(
            [
                "unshare",
                "--net",
                "--pid",
                "--mount",
                "--mount-proc",
                "--fork",
                "--kill-child",
                "bash",
                "-c",
                "mount -t sysfs sysfs /sys && exec sleep infinity",
            ]
        )
        wait_for(self._first_process)
        self.before = self.state()

    def _first_process(self) -> str:
        return child(self._init, "sleep")

    def _inside(self) -> list[str]:
        return ["nsenter", "--target", self._first_process(), "--net", "--pid", "--mount"]

    def start(self, *command: str | Path, log: Path | None = None) -> subprocess.Popen[bytes]:
        """Starts `ci/with-docker COMMAND` there."""
        settings = {
            "PATH": PATH,
            "CORAL_DOCKER_FOLDER": str(self._folder),
            "CORAL_DOCKER_LOCK": str(self._folder / "lock"),
            "DOCKER_HOST": f"unix://{self._folder}/nobody",
        }
        with (log or self._folder / "log").open("ab") as out:
            return subprocess.Popen(
                [*self._inside(), "bash", WITH_DOCKER, *command],
                env=os.environ | settings,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    def state(self) -> dict[str, object]:
        """The firewall, forwarding, links, engines, and what is in the folder of engines."""

        def ask(*command: str) -> str:
            done = subprocess.run(
                [*self._inside(), *command],
                env=os.environ | {"PATH": PATH},
                capture_output=True,
                text=True,
                check=True,
            )
            return done.stdout

        lines = [line.partition(" [")[0] for line in ask("iptables-save").splitlines()]
        # Its first process waits for nobody: what ended stays there as a zombie.
        processes = [line.split() for line in ask("ps", "-e", "-o", "stat=,comm=").splitlines()]
        return {
            # A table that was never used is not told, one that is empty is.
            "rules": [line for line in lines if line[:1] in ":-" and not line.endswith(" ACCEPT")],
            "forwarding": ask("cat", "/proc/sys/net/ipv4/ip_forward"),
            "links": re.findall(r"(\S+):", ask("cat", "/proc/net/dev")),
            "processes": sorted(name for state, name in processes if state[0] != "Z"),
            "folders": [path.name for path in self._folder.glob("coral-docker.*")],
        }

    def close(self) -> None:
        """Ends every process there."""
        self._init.kill()
        self._init.wait()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    if os.geteuid() != 0:
        pytest.skip("only root can start an engine")
    missing = [program for program in PROGRAMS if shutil.which(program, path=PATH) is None]
    if missing or subprocess.run(["unshare", "--net", "--pid", "--fork", "true"]).returncode != 0:
        reason = (
            f"it needs namespaces and {', '.join(PROGRAMS)}; missing: {', '.join(missing) or 'namespaces'}"
        )
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    # Paths of sockets are short.
    folder = Path(f"/var/tmp/coral-with-docker-{os.getpid()}")
    folder.mkdir()
    machine = Machine(folder)
    try:
        yield machine
    finally:
        machine.close()
        shutil.rmtree(folder)


def test_two_at_once_take_turns(machine: Machine, tmp_path: Path) -> None:
    told = tmp_path / "told"
    script = (
        f"echo in >>{told}; docker network create extra >/dev/null; sleep 1; iptables-save | grep -c DOCKER; "
        f"echo out >>{told}"
    )
    both = [machine.start("bash", "-c", script, log=tmp_path / f"log-{name}") for name in "ab"]
    assert [one.wait(timeout=120) for one in both] == [0, 0]
    logs = [(tmp_path / f"log-{name}").read_text() for name in "ab"]
    assert told.read_text() == "in\nout\nin\nout\n", "they overlapped"
    assert sum("waiting for it to end" in log for log in logs) == 1
    assert all(int(log.split()[-1]) > 0 for log in logs), "there were rules to take away"
    assert machine.state() == machine.before


def test_the_exit_code_is_the_commands(machine: Machine) -> None:
    assert machine.start("bash", "-c", "exit 7").wait(timeout=DEADLINE_SECONDS) == 7
    assert machine.state() == machine.before


def test_sigterm_ends_the_command_then_the_engine(machine: Machine, tmp_path: Path) -> None:
    told = tmp_path / "told"
    ending = f"docker info >/dev/null && echo ended >>{told}; exit 0"
    script = f"trap '{ending}' TERM; echo in >>{told}; while :; do sleep 0.1; done"
    one = machine.start("bash", "-c", script)
    wait_for(told.exists)
    send(signal.SIGTERM, one)
    assert one.wait(timeout=DEADLINE_SECONDS) == 143
    assert told.read_text() == "in\nended\n", "the command had its engine to clean up with"
    assert machine.state() == machine.before


def test_what_a_killed_one_left_is_put_away_by_the_next(machine: Machine, tmp_path: Path) -> None:
    told = tmp_path / "told"
    killed = machine.start("bash", "-c", f"echo in >>{told}; exec sleep 1000")
    wait_for(told.exists)
    send(signal.SIGKILL, killed)
    killed.wait()
    left = machine.state()
    assert left["rules"] != machine.before["rules"]
    assert machine.start("true", log=tmp_path / "log").wait(timeout=DEADLINE_SECONDS) == 0
    assert "what a killed ci/with-docker left" in (tmp_path / "log").read_text()
    after = machine.state()
    # The killed one's command lives as long as it wants.
    after["processes"] = [name for name in after["processes"] if name not in ("bash", "sleep")]
    assert after == machine.before | {"processes": [n for n in machine.before["processes"] if n != "sleep"]}
