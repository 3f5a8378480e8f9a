"""Installs the built wheel into a fresh environment, as a user would, and runs it there.

No network beyond loopback, no repository, no Node: the dependencies come from the wheelhouse that the
lock made, and PATH is the environment's own folder.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

WHEEL = Path(os.environ["CORAL_TEST_WHEEL"]).resolve()
WHEELHOUSE = Path(os.environ["CORAL_TEST_WHEELHOUSE"]).resolve()


@dataclass(frozen=True)
class Installed:
    """A fresh virtual environment with Coral in it, and an empty home."""

    venv: Path
    home: Path

    def run(self, program: str, *arguments: str, **environment: str) -> str:
        """Runs one of the environment's programs with next to nothing in its environment.

        Returns:
          Its stdout.
        """
        done = subprocess.run(
            [self.venv / "bin" / program, *arguments],
            env={"PATH": f"{self.venv}/bin", "HOME": str(self.home), "LANG": "C.UTF-8", **environment},
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        command = f"{program} {' '.join(arguments)}"
        assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def installed() -> Iterator[Installed]:
    """The wheel, installed by pip from the wheelhouse alone."""
    with tempfile.TemporaryDirectory(prefix="coral-wheel.", dir="/tmp") as folder:
        environment = Installed(Path(folder, "venv"), Path(folder, "home"))
        environment.home.mkdir()
        subprocess.run([sys.executable, "-m", "venv", environment.venv], check=True)
        environment.run(
            *("pip", "install", "--quiet", "--no-index", "--find-links", str(WHEELHOUSE), str(WHEEL)),
            # The wheelhouse has everything: other sources that the machine knows must not be asked.
            PIP_CONFIG_FILE=os.devnull,
            PIP_DISABLE_PIP_VERSION_CHECK="1",
        )
        yield environment


def test_no_dependency_is_missing_or_too_old(installed: Installed) -> None:
    installed.run("pip", "check", PIP_DISABLE_PIP_VERSION_CHECK="1")


def test_version_names_coral_deno_and_duckdb(installed: Installed) -> None:
    versions = json.loads(installed.run("coral", "version", "--json"))
    assert WHEEL.name.startswith(f"coral-{versions['coral']}-py3-none-")
    assert re.fullmatch(r"2\.\d+\.\d+", versions["deno"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", versions["duckdb"])


def test_the_native_kernel_is_there_on_linux_and_can_be_switched_off(installed: Installed) -> None:
    program = "from coral.agent.decode.kernel import trace_kernel; print(trace_kernel() is not None)"
    assert installed.run("python", "-c", program).strip() == str("linux" in WHEEL.name)
    assert installed.run("python", "-c", program, CORAL_NATIVE="0").strip() == "False"


@pytest.mark.skipif(sys.platform != "linux", reason="the command is a script elsewhere")
def test_a_second_run_is_started_before_python(installed: Installed) -> None:
    """And by the interpreter that pip wrote into the script beside the command."""
    script = installed.home / "hello.ts"
    script.write_text('import * as coral from "@coral/sdk";\nconsole.log(typeof coral.params);\n')
    command = ["run", str(script), "--colony", "127.0.0.1:9"]
    assert [installed.run("coral", *command) for _ in range(3)] == ["object\n"] * 3
    (plan,) = [path for path in (installed.home / ".cache/coral/starts").iterdir() if not path.suffix]
    before = plan.stat().st_mtime_ns
    installed.run("coral", *command)
    assert plan.stat().st_mtime_ns == before, "its plan was another one"
    assert (installed.venv / "bin/coral").read_bytes().startswith(b"\x7fELF")


def test_demo_prints_the_report(installed: Installed) -> None:
    report = installed.run("coral", "demo", "--once")
    for expected in ("payments", "orders", "P50", "P99", "Errors"):
        assert expected in report
