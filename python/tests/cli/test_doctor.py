"""`coral doctor`, with a real colony, a real archive, and what can be wrong with them."""

from __future__ import annotations

import datetime as real
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from coral import __version__
from coral.cli.checks import colony as of_colony
from coral.cli.checks import machine
from coral.cli.options import ColonyFlags
from tests.runner.program import NOWHERE, Program
from tests.runner.test_binary import wheel_like

__all__ = ["wheel_like"]


def found(document: str) -> dict[str, tuple[str, str, str | None]]:
    findings = json.loads(document)["findings"]
    return {each["name"]: (each["state"], each["detail"], each["hint"]) for each in findings}


@pytest.fixture(scope="module")
def address(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A colony."""
    program = Program(tmp_path_factory.mktemp("colony"), cache)
    arguments = ("colony", "start", "--listen", "127.0.0.1:0", "--metrics", "off", "-o", "json")
    process = subprocess.Popen(
        program.command(*arguments), stdout=subprocess.PIPE, env=program.environment, text=True
    )
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["grpc"]
    finally:
        process.terminate()
        process.communicate()


def test_the_layers_of_the_sandbox_are_told(coral: Program) -> None:
    told = found(coral.run("doctor", "--json", CORAL_COLONY="", CORAL_CONTAINMENT_OFF="landlock").stdout)
    layers = {name.removeprefix("sandbox: "): told[name] for name in told if name.startswith("sandbox: ")}
    if sys.platform == "linux":
        assert set(layers) >= {"landlock", "seccomp", "no_new_privs", "rlimits", "memory", "descriptors"}
        state, detail, _ = layers["landlock"]
        assert (state, detail[:13]) == ("note", "not in force:")
    else:
        assert told["sandbox"][0] == "note"


def test_all_is_well(coral: Program, address: str) -> None:
    ended = coral.run("doctor", "--colony", address)
    assert (ended.code, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert lines[-2:] == ["", "no problems"]
    told = {line[9:].split("  ")[0]: line for line in lines[:-2]}
    assert re.fullmatch(rf"ok       coral +{__version__}, Python 3\S+, Linux .*", told["coral"])
    assert re.fullmatch(r"ok       deno +2\.\d+\.\d+, /.*/deno", told["deno"])
    assert re.fullmatch(rf"ok       colony +{address} answers, coral {__version__}", told["colony"])
    assert re.fullmatch(r"ok       colony's clock +the same as .*", told["colony's clock"])
    assert told["cache"].split() == ["ok", "cache", coral.environment["CORAL_CACHE_DIR"]]
    assert {"sdk", "disk (cache)", "disk (state)", "bpf"} <= set(told)


def test_no_colony_answers(coral: Program) -> None:
    ended = coral.run("doctor", "--json")
    assert (ended.code, ended.stderr) == (3, "")
    assert json.loads(ended.stdout)["healthy"] is False
    assert found(ended.stdout)["colony"] == (
        "problem",
        f"{NOWHERE}: no colony answers at {NOWHERE}",
        "check the address (--colony or CORAL_COLONY) and that `coral colony start` runs there",
    )


def test_without_a_colony_none_is_started(coral: Program) -> None:
    ended = coral.run("doctor", "--json", CORAL_COLONY="")
    assert ended.code == 0
    assert found(ended.stdout)["colony"][0] == "ok"
    assert not (coral.home / "state").exists()


@pytest.mark.parametrize(("seconds", "where"), [(60, "ahead of"), (-60, "behind")])
def test_a_clock_that_is_wrong(
    address: str, monkeypatch: pytest.MonkeyPatch, seconds: int, where: str
) -> None:
    class Wrong(real.datetime):
        @classmethod
        def now(cls, tz: real.tzinfo | None = None) -> Wrong:
            return super().now(tz) - real.timedelta(seconds=seconds)

    monkeypatch.setattr(of_colony, "datetime", Wrong)
    clock = of_colony.check_colony(ColonyFlags(address))[-1]
    assert (clock.name, clock.state) == ("colony's clock", "problem")
    assert re.fullmatch(rf"(59|60)\.\d s {where} this machine's", clock.detail)


def test_the_configuration_cannot_be_used(coral: Program) -> None:
    ended = coral.run("doctor", "--json", CORAL_COLONY="h")
    assert ended.code == 3
    state, detail, _ = found(ended.stdout)["configuration"]
    assert (state, detail) == ("problem", "environment variable CORAL_COLONY: 'h' is not HOST:PORT")


def test_a_deno_that_is_none(coral: Program) -> None:
    ended = coral.run("doctor", "--json", CORAL_DENO_PATH="/bin/sh")
    assert ended.code == 3
    state, detail, hint = found(ended.stdout)["deno"]
    assert (state, detail[:30]) == ("problem", "/bin/sh does not start as Deno")
    assert hint == "unset CORAL_DENO_PATH to use the Deno that comes with Coral"


def test_a_cache_that_cannot_be_written(coral: Program, tmp_path: Path) -> None:
    ended = coral.run(
        "doctor", "--json", CORAL_CACHE_DIR="/proc/coral", TMPDIR=str(tmp_path), CORAL_COLONY=""
    )
    assert ended.code == 0
    state, detail, hint = found(ended.stdout)["cache"]
    place = tmp_path / f"coral-{os.geteuid()}"
    assert (state, detail) == ("note", f"{place}, because /proc/coral: No such file or directory")
    assert hint == "set CORAL_CACHE_DIR to a directory of yours that stays"


def test_preparing_and_verifying_what_the_wheel_carries(wheel_like: Path, tmp_path: Path) -> None:
    program = Program(tmp_path, tmp_path / "cache")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    variables = {
        "PYTHONPATH": os.pathsep.join([str(wheel_like.parent), *sys.path]),
        "TMPDIR": str(temporary),
        "CORAL_COLONY": "",
    }
    before = program.run("doctor", "--json", "--verify", **variables)
    assert (before.code, before.stderr) == (0, "")
    told = found(before.stdout)
    assert (told["deno"][0], told["deno"][2]) == ("note", "coral doctor --prepare does it now")
    assert (told["archive"][0], told["binary"][:2]) == ("ok", ("note", "not unpacked yet"))
    assert not (tmp_path / "cache" / "deno").exists()

    prepared = program.run("doctor", "--json", "--prepare", "--verify", **variables)
    assert prepared.code == 0
    assert prepared.stderr.startswith("coral: first run, unpacking Deno ")
    told = found(prepared.stdout)
    assert {told[name][0] for name in ("prepare", "deno", "archive", "binary")} == {"ok"}
    path = told["binary"][1].split()[0]
    assert Path(path).is_relative_to(tmp_path / "cache")
    ran = program.run("run", program.script(""), **{**variables, "CORAL_COLONY": NOWHERE})
    assert (ran.code, ran.stderr) == (0, "")

    os.chmod(path, 0o755)
    with open(path, "r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\xff")
    os.chmod(path, 0o555)
    changed = program.run("doctor", "--json", "--verify", **variables)
    state, detail, hint = found(changed.stdout)["binary"]
    assert (changed.code, state) == (3, "problem")
    assert f"{path} has sha256 " in detail
    assert hint == f"remove it, and the next run unpacks it again: rm -f {path}"


def test_bpf_without_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_held_capabilities", set)
    (finding,) = machine.check_bpf()
    assert finding.state == "note"
    assert "CAP_BPF and CAP_PERFMON (or root)" in finding.detail
