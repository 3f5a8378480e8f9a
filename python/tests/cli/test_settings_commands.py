"""check-config, --config and what a server says about settings that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_commands import error
from tests.runner.program import Program, Result

CONFIG_HINT = "docs/configuration.md lists every key"


def write(program: Program, name: str, text: str) -> Path:
    folder = program.home / "config" / "coral"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_default_file_is_read_and_sources_are_shown(coral: Program) -> None:
    path = write(coral, "agent.yaml", "labels: {region: us}\nmetrics: off\notlp:\n  grpc: 0.0.0.0:4317\n")
    ended = coral.run("agent", "check-config", CORAL_AGENT_ID="web-1")
    assert (ended.code, ended.stderr) == (0, "")
    lines = [line.split("  # ") for line in ended.stdout.splitlines()]
    told = {line[0].strip(): line[1] for line in lines if len(line) == 2}
    assert told['labels: {"region": "us"}'] == f"{path}:1"
    assert told['metrics: "off"'] == f"{path}:2"
    assert told['grpc: "0.0.0.0:4317"'] == f"{path}:4"
    assert told['id: "web-1"'] == "environment variable CORAL_AGENT_ID"
    assert told['retention: "1h"'] == "default"
    # What is printed is a file again.
    written = coral.home / "again.yaml"
    written.write_text(ended.stdout)
    again = coral.run("agent", "check-config", str(written), "-o", "json", CORAL_COLONY="")
    assert (again.code, again.stderr) == (0, "")


def test_json_has_everything(coral: Program) -> None:
    path = write(coral, "colony.yaml", "listen: 0.0.0.0:9000\n")
    ended = coral.run("colony", "check-config", "-o", "json")
    assert (ended.code, ended.stderr) == (0, "")
    document = json.loads(ended.stdout)
    assert (document["file"], document["valid"], document["problems"]) == (str(path), True, [])
    assert document["settings"]["listen"] == {"value": "0.0.0.0:9000", "source": f"{path}:1"}
    assert document["settings"]["idle_exit"] == {"value": None, "source": "default"}


def test_all_problems_are_listed_and_the_exit_code_is_78(coral: Program) -> None:
    path = write(coral, "agent.yaml", "colny: h:1\nretention: 5\n")
    expected = [
        f"{path}:1: the key 'colny' is unknown; did you mean 'colony'?",
        f'{path}:2: retention is 5, expected a duration with a unit, for example "30s" or "7d"',
    ]
    checked = coral.run("agent", "check-config")
    assert checked == Result(78, "", "".join(f"error: {line}\n" for line in expected))
    as_json = coral.run("agent", "check-config", "-o", "json")
    assert as_json.code == 78
    assert json.loads(as_json.stdout)["problems"] == expected
    started = coral.run("agent", "start")
    listed = "".join(f"\n  {line}" for line in expected)
    assert started == error(78, f"2 settings cannot be used:{listed}", CONFIG_HINT)


@pytest.mark.parametrize("program", ["agent", "colony"])
def test_a_file_that_is_not_there(coral: Program, program: str) -> None:
    missing = error(
        78, "the configuration file no.yaml cannot be read: No such file or directory", "is --config right?"
    )
    assert coral.run(program, "start", "--config", "no.yaml") == missing
    variable = {f"CORAL_{program.upper()}_CONFIG": "no.yaml"}
    assert coral.run(program, "start", **variable) == missing
    assert coral.run(program, "check-config", "no.yaml").code == 78
    assert coral.run(program, "start", "--config", "no.yaml", "--no-config") == error(
        2, "--config and --no-config exclude each other", "leave one of them away"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--id", "x" * 129], "--id has 129 characters, expected 1 to 128"),
        (["--label", "region"], "--label 'region' is not K=V"),
        (["--retention", "1s"], "--retention is 1s, expected 1m to 36500d"),
        (["--metrics", "nowhere"], "--metrics cannot be used: 'nowhere' is not HOST:PORT; write HOST:PORT"),
        (["--log-level", "loud"], "--log-level is 'loud', expected one of debug, info, warning, error"),
        (["--max-data", "5 eggs"], "--max-data is '5 eggs', expected bytes"),
    ],
)
def test_what_cannot_be_used_on_the_command_line(coral: Program, arguments: list[str], message: str) -> None:
    ended = coral.run("agent", "start", *arguments)
    assert (ended.code, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"error: {message}")


def test_a_key_without_effect_says_so(coral: Program) -> None:
    path = write(coral, "agent.yaml", "script: {enabled: true, timeout_seconds: 300}\n")
    ended = coral.run("agent", "check-config")
    note = "script.enabled: checked, but without effect yet: this version runs no scripts on agents"
    assert (ended.code, ended.stderr) == (0, f"note: {path}:1: {note}\n")


def test_status_of_a_colony_that_is_not_there(coral: Program) -> None:
    ended = coral.run("status", "--colony", "127.0.0.1:9")
    assert ended.code == 69
    assert ended.stderr.startswith("error: ")
