"""Every example in README.md and the documents is played, checked, or named here with the reason why not.

Scripts are type-checked and run, commands run, configuration files are checked; all against a real colony
that has heard of a few services. What other tests play is only counted here.
"""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind

from coral.demo.children import wait_until
from coral.testing.processes import COMMAND_SECONDS, Fleet, settled, summary_counts

_TOP = Path(__file__).resolve().parents[1]
_BLOCK = re.compile(r"^```(.*)\n((?:.*\n)*?)```$", re.MULTILINE)

# Documents whose examples a test of their own plays.
_PLAYED = {
    "docs/guides/first-script.md": "integration_tests/test_first_script.py",
    "docs/guides/running-scripts.md": "python/tests/runner/test_guide.py",
    "docs/guides/plots-and-reports.md": "python/tests/runner/test_guide.py",
    "docs/reference/sdk.md": "integration_tests/test_sdk_docs.py",
    "docs/guides/testing-scripts.md": "python/tests/replay/test_guide.py",
    "docs/guides/tls-and-tokens.md": "python/tests/security/test_guide.py",
    "docs/reference/cli.md": "python/tests/cli/test_cli_reference.py",
}

# Examples that cannot be played here, by document and how they begin, with the reason.
_NOT_HERE = {
    ("README.md", "./bazelw run //:demo"): (
        "Bazel within a test; .ci/run does it in a fresh clone, and python/tests/demo plays the demo"
    ),
    ("README.md", "Service Latency Report"): "what the demo prints; python/tests/demo compares such a report",
    ("README.md", "./bazelw build //packaging:wheel"): "Bazel within a test; //packaging:wheel_test does it",
    ("ARCHITECTURE.md", "   script.ts ── coral run"): "a drawing",
    ("CONTRIBUTING.md", "./bazelw test //..."): "Bazel within a test; .ci/run does it",
    ("CONTRIBUTING.md", "./bazelw run //:dev"): "Bazel within a test; .ci/run does it",
    ("CONTRIBUTING.md", ".venv/bin/python -m pytest"): "needs the tree that //:dev makes; .ci/run does it",
    ("CONTRIBUTING.md", "./bazelw build //packaging"): "Bazel within a test; //packaging:wheel_test does it",
    ("typescript/sdk/README.md", "python ../proto/generate"): (
        "needs Node and its modules; the rule //typescript/sdk runs the same programs"
    ),
    ("docs/benchmarks.md", "PYTHONPATH=python python"): "a benchmark, which loads the machine for a minute",
    ("docs/guides/deploying.md", "packaging/images/build"): (
        "Bazel within a test; integration_tests/containers runs what it builds"
    ),
    ("docs/guides/deploying.md", "docker run"): "needs Docker; integration_tests/containers runs scripts so",
    ("docs/guides/deploying.md", "cd packaging/deploy/compose"): (
        "needs Docker; integration_tests/containers/scenarios/test_compose.py does it"
    ),
    ("docs/guides/deploying.md", "kubectl"): "needs a cluster",
    ("docs/guides/deploying.md", "python3 -m venv /opt/coral"): "needs a systemd that it may change",
    ("docs/operations.md", '{"time":'): "a line of a log; python/tests/serve compares such lines",
}

# Commands in an example of commands that are not played with the others, with the reason.
_NOT_THIS_WAY = {
    "coral query": "a shell needs a terminal; python/tests/cli/test_sql_shell.py has one",
}

# What checks a configuration file, by document and how they begin.
_CONFIGURATIONS = {
    ("docs/configuration.md", "# ~/.config/coral/config.yaml"): "config show",
    ("docs/configuration.md", "colony: colony.internal:9000"): "agent check-config {file}",
    ("docs/configuration.md", "listen: 0.0.0.0:9000"): "colony check-config {file}",
    ("docs/configuration.md", "query: {max_rows"): "colony check-config {file}",
    ("docs/operations.md", "retention:"): "colony check-config {file}",
}


@dataclass(frozen=True)
class Example:
    """A fenced block of a document."""

    document: str
    kind: str
    text: str

    def key_in(self, table: Mapping[tuple[str, str], str]) -> tuple[str, str] | None:
        """Finds it in one of the tables above."""
        keys = [key for key in table if key[0] == self.document and self.text.startswith(key[1])]
        return keys[0] if keys else None

    @property
    def way(self) -> str:
        """How it is played: `script`, `file`, `commands`, `servers`, `elsewhere` or `nowhere`."""
        if self.document in _PLAYED:
            return "elsewhere"
        if self.key_in(_NOT_HERE):
            return "nowhere"
        if self.key_in(_CONFIGURATIONS):
            return "file"
        if self.kind == "ts":
            return "script"
        if self.text.startswith("coral colony start"):
            return "servers"
        return "commands" if all(line.startswith("coral ") for line in self.text.splitlines()) else "unknown"


def _examples() -> list[Example]:
    documents = [_TOP / "README.md", _TOP / "ARCHITECTURE.md", _TOP / "CONTRIBUTING.md"]
    documents += [*sorted((_TOP / "docs").rglob("*.md")), _TOP / "typescript" / "sdk" / "README.md"]
    return [
        Example(str(document.relative_to(_TOP)), kind, text)
        for document in documents
        if document.exists()
        for kind, text in _BLOCK.findall(document.read_text(encoding="utf-8"))
    ]


EXAMPLES = _examples()


def _named(way: str) -> list[Example]:
    if not EXAMPLES:
        return []
    found = [example for example in EXAMPLES if example.way == way]
    assert found or way == "unknown", way
    return found


@pytest.fixture(scope="module")
def colony(fleet: Fleet) -> str:
    """The address of a colony that has heard of three services."""
    services = ("cart", "orders", "payments")
    for service in services:
        exporter = OTLPSpanExporter(endpoint=f"http://{fleet.agent.otlp_grpc}", insecure=True)
        provider = TracerProvider(resource=Resource.create({"service.name": service}), shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(exporter))
        now = time.time_ns()
        for number in range(1, 101):
            span = provider.get_tracer("docs").start_span(
                "GET /", kind=SpanKind.SERVER, start_time=now - number * 10_000_000
            )
            span.end(end_time=now)
        assert provider.force_flush()
        provider.shutdown()
    expected = dict.fromkeys(services, (100, 0))
    assert settled(lambda: summary_counts(fleet.colony.grpc), expected) == expected
    return fleet.colony.grpc


class User:
    """Someone with a home, a folder and `coral` on the path."""

    def __init__(self, home: Path, colony: str) -> None:
        self.home = home
        program = home / ".local" / "bin" / "coral"
        program.parent.mkdir(parents=True)
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m coral "$@"\n')
        program.chmod(0o755)
        self.environment = {
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "HOME": str(home),
            "TMPDIR": os.environ.get("TMPDIR", "/tmp"),
            "LANG": "C.UTF-8",
            "CORAL_COLONY": colony,
        }

    def run(self, command: str, **variables: str) -> str:
        """Runs a command, which must end well, and returns what it printed."""
        ended = subprocess.run(
            ["bash", "-c", command],
            cwd=self.home,
            env={**self.environment, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        assert ended.returncode == 0, f"{command}\n{ended.stdout}"
        return ended.stdout


@pytest.fixture
def user(tmp_path: Path, colony: str) -> User:
    """A user in a fresh home."""
    return User(tmp_path, colony)


def test_every_example_is_played_or_named_with_a_reason() -> None:
    if not EXAMPLES:
        pytest.skip("the documents are not here: this tree has the package only")
    assert [example for example in EXAMPLES if example.way == "unknown"] == []
    for table in (_NOT_HERE, _CONFIGURATIONS):
        assert {example.key_in(table) for example in EXAMPLES} - {None} == set(table)
    for document, test in _PLAYED.items():
        assert any(example.document == document for example in EXAMPLES)
        text = (_TOP / test).read_text(encoding="utf-8")
        assert Path(document).stem in text, f"{test} does not play {document}"


@pytest.mark.parametrize("example", _named("script"), ids=lambda example: example.document)
def test_a_script(example: Example, user: User) -> None:
    (user.home / "script.ts").write_text(example.text, encoding="utf-8")
    answer = user.run("coral run --check script.ts -p threshold=300")
    # A name or a figure of what the colony has heard.
    assert re.search(r"payments|P99 \d|^\d+\.\d", answer), answer


@pytest.mark.parametrize("example", _named("commands"), ids=lambda example: example.document)
def test_commands(example: Example, user: User) -> None:
    scripts = [each.text for each in EXAMPLES if each.document == example.document and each.kind == "ts"]
    if scripts:
        (user.home / "slow.ts").write_text(scripts[0], encoding="utf-8")
    duckdb.connect(str(user.home / "incident.duckdb")).execute(
        "CREATE TABLE service_summary (service_name TEXT)"
    )
    for line in example.text.splitlines():
        command = " ".join(shlex.split(line, comments=True))
        if not _NOT_THIS_WAY.get(command):
            assert user.run(line) != ""


@pytest.mark.parametrize("example", _named("file"), ids=lambda example: example.document)
def test_a_configuration_file(example: Example, user: User) -> None:
    key = example.key_in(_CONFIGURATIONS)
    assert key is not None
    command = _CONFIGURATIONS[key]
    file = user.home / ("example.yaml" if "{file}" in command else ".config/coral/config.yaml")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(example.text, encoding="utf-8")
    del user.environment["CORAL_COLONY"]
    answer = user.run(f"coral {command.format(file=file)}")
    assert file.name in answer  # says of a value that it comes from there


@pytest.fixture
def address() -> str:
    """A port that is free now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


@pytest.mark.parametrize("example", _named("servers"), ids=lambda example: example.document)
def test_servers(example: Example, user: User, address: str) -> None:
    user.environment["CORAL_COLONY"] = address
    variables = {
        "CORAL_OTLP_GRPC": "127.0.0.1:0",
        "CORAL_OTLP_HTTP": "127.0.0.1:0",
        "CORAL_COLONY_FLEET_LISTEN": "127.0.0.1:0",
        "CORAL_AGENT_METRICS": "off",
        "CORAL_COLONY_METRICS": "off",
    }
    started: list[subprocess.Popen[bytes]] = []

    def connected() -> bool:
        assert [process.poll() for process in started] == [None] * len(started)
        try:
            return "1 of 1 agents connected" in user.run("coral status")
        except AssertionError:
            return False  # it does not answer yet

    try:
        for line in example.text.splitlines():
            words = shlex.split(line.replace("127.0.0.1:9000", address))
            started.append(
                subprocess.Popen(
                    words,
                    executable=str(user.home / ".local" / "bin" / "coral"),
                    cwd=user.home,
                    env={**user.environment, **variables},
                    stdin=subprocess.DEVNULL,
                )
            )
        assert wait_until(connected, COMMAND_SECONDS, interval_seconds=0.2)
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(COMMAND_SECONDS)
    assert [process.returncode for process in started] == [0] * len(started)
