"""The Compose file, as a newcomer uses it: secrets, up, a report about the demo load, down."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from engine import Engine, wait_for

DEPLOY = Path(__file__).parents[3] / "packaging" / "deploy" / "compose"
Compose = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def compose(engine: Engine, tmp_path: Path) -> Iterator[Compose]:
    """Docker Compose in a copy of the folder, as a project of its own; all of it is removed at the end."""
    command = [tool] if (tool := shutil.which("docker-compose")) else None
    if (
        command is None
        and subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0
    ):
        command = ["docker", "compose"]
    if command is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("Docker Compose is not here")
    folder = tmp_path / "compose"
    shutil.copytree(DEPLOY, folder)
    project = f"coral-test-{uuid.uuid4().hex[:12]}"
    # Debian's Compose is a Python program with packages of its own. Port 0 is any free one.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment = inherited | {"CORAL_GRPC_PORT": "0", "CORAL_HTTP_PORT": "0"}

    def run(*arguments: str, program: list[str] | None = None) -> subprocess.CompletedProcess[str]:
        words = program if program is not None else [*command, "--project-name", project]
        return subprocess.run(
            [*words, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=180
        )

    try:
        yield run
    finally:
        run("down", "--volumes", "--remove-orphans", "--timeout", "20")
        only = {"label": f"com.docker.compose.project={project}"}
        left = engine.client.containers.list(all=True, filters=only) + engine.client.volumes.list(
            filters=only
        )
        assert [*left, *engine.client.networks.list(filters=only)] == []


def test_a_newcomer_sees_the_report(compose: Compose) -> None:
    made = compose(program=["./make-secrets"])
    assert made.returncode == 0, made.stderr
    up = compose("up", "-d")
    assert up.returncode == 0, up.stderr
    last = []

    def reported() -> bool:
        done = compose("run", "--rm", "-T", "coral", "run", "example:latency-report")
        last[:] = [done]
        return done.returncode == 0 and "payments" in done.stdout and "Slowest: " in done.stdout

    try:
        wait_for(reported)
    except AssertionError as error:
        raise AssertionError(f"{error}: {last}\n{compose('logs', '--tail=20').stdout}") from None
    status = compose("run", "--rm", "-T", "coral", "status", "--check")
    assert status.returncode == 0, status.stdout
