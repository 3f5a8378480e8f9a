"""docs/guides/tls-and-tokens.md does what it says, with certificates of a test's own."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from coral.client.status import get_status
from coral.config.access import Access
from coral.model.redaction import DEFAULT_NAMES
from coral.testing.certificates import Authority
from tests.runner.program import DEADLINE_SECONDS, Program
from tests.security.conftest import holds

_GUIDE = Path(__file__).resolve().parents[3] / "docs" / "guides" / "tls-and-tokens.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_guide(coral: Program) -> None:
    if not _GUIDE.exists():
        pytest.skip("the documents are not here: this tree has the package only")
    folder = coral.home
    authority = Authority(folder)
    authority.certificate("localhost", file="colony")
    program = folder / "bin" / "coral"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m coral "$@"\n')
    program.chmod(0o755)
    environment = {
        **{name: value for name, value in coral.environment.items() if name != "CORAL_COLONY"},
        "PATH": os.pathsep.join([str(program.parent), coral.environment["PATH"]]),
    }
    blocks = _BLOCK.findall(_GUIDE.read_text(encoding="utf-8"))
    assert [kind for kind, _ in blocks] == ["yaml", *["console"] * 5, "yaml"]
    files = [text for kind, text in blocks if kind == "yaml"]
    consoles = [text for kind, text in blocks if kind == "console"]

    def play(text: str, address: str) -> None:
        for command, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
            ended = subprocess.run(
                ["bash", "-c", command.replace("colony.internal:9000", address)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=environment,
                text=True,
                timeout=DEADLINE_SECONDS,
                check=False,
            )
            said = ended.stdout.replace(str(folder.resolve()), "/HERE").replace(
                address, "colony.internal:9000"
            )
            assert said == expected, command

    for text in files:
        name = re.match(r"# (\S+\.yaml)\n", text)
        assert name is not None, text
        (folder / name[1]).write_text(text.replace("0.0.0.0:9000", "0.0.0.0:0"))
    for text in consoles[:3]:
        play(text, "colony.internal:9000")
    start = [sys.executable, "-m", "coral"]
    with subprocess.Popen(
        [*start, "colony", "start", "--config", "colony.yaml", "--metrics", "off", "-o", "json"],
        stdout=subprocess.PIPE,
        cwd=folder,
        env=environment,
    ) as colony:
        try:
            assert colony.stdout is not None
            address = f"localhost:{json.loads(colony.stdout.readline())['grpc'].rpartition(':')[2]}"
            for text in consoles[3:]:
                play(text, address)
            agent_file = folder / "agent.yaml"
            agent_file.write_text(agent_file.read_text().replace("colony.internal:9000", address))
            ports = ["--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0", "--metrics", "off"]
            with subprocess.Popen(
                [*start, "agent", "start", "--config", "agent.yaml", *ports],
                stderr=subprocess.DEVNULL,
                cwd=folder,
                env=environment,
            ) as agent:
                try:
                    alice = Access(authority.file.read_text(), (folder / "alice.token").read_text().strip())
                    holds(lambda: [each.connected for each in get_status(address, alice).agents], [True])
                finally:
                    agent.terminate()
        finally:
            colony.terminate()


def test_the_names_that_are_redacted_are_in_the_guide() -> None:
    if not _GUIDE.exists():
        pytest.skip("the documents are not here: this tree has the package only")
    listed = _GUIDE.read_text(encoding="utf-8").partition("<!-- default names -->")[2].partition("<!--")[0]
    assert tuple(re.findall(r"`([^`]+)`", listed)) == DEFAULT_NAMES
