"""A script's process that was started before Python: it is the same process, behind the same walls, or none."""

from __future__ import annotations

import os
import re
import shlex
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.runner.installed import Installed, installed
from tests.runner.program import DEADLINE_SECONDS, Program, Result, deno_below, first_line, until

__all__ = ["installed"]

if sys.platform != "linux":
    pytest.skip("only Linux has the program", allow_module_level=True)


def _took_over(installed: Installed, *arguments: str, **variables: str) -> Result:
    """Runs a script that prints its process id first, and requires that it was started early."""
    ended = installed.run(*arguments, **variables)
    assert [int(ended.stdout.split()[0])] == installed.early()
    return ended


def _gone(*pids: int) -> bool:
    return not any(psutil.pid_exists(pid) for pid in pids)


def test_the_second_run_takes_over_what_was_started(installed: Installed) -> None:
    script = installed.script("console.log(Deno.pid);")
    first = installed.run("run", script)
    assert (first.code, first.stderr, installed.early()) == (0, "", [])
    for _ in range(2):
        again = _took_over(installed, "run", script)
        assert (again.code, again.stderr) == (0, "")
    (plan,) = installed.plans()
    assert stat.S_IMODE(plan.stat().st_mode) == 0o600
    assert stat.S_IMODE(plan.parent.stat().st_mode) == 0o700


def test_the_script_waits_until_python_knows_that_it_may_run(installed: Installed) -> None:
    script = installed.script("console.log(Deno.pid, Date.now());")
    installed.run("run", script)
    installed.before("sleep 0.5")
    ended = _took_over(installed, "run", script)
    assert int(ended.stdout.split()[1]) >= int((installed.folder / "began").read_text())


def _limits(pid: int) -> dict[str, str]:
    """The limits of a process: each name with the rest of its line."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return {line[:26].strip(): line[26:] for line in lines}


def _holds_memory(pid: int) -> bool:
    """Whether the watchdog has had its first look: a control group holds the script's memory, or a limit does."""
    group, ours = (Path(f"/proc/{each}/cgroup").read_text() for each in (pid, "self"))
    return group != ours or "unlimited" not in _limits(pid)["Max data size"]


def test_the_walls_are_the_same(installed: Installed) -> None:
    script = installed.script("console.log(Deno.pid); for await (const _ of Deno.stdin.readable);")

    def look() -> tuple[dict[str, str], dict[str, str], set[str], bytes, list[str]]:
        process = subprocess.Popen(
            installed.command("run", script),
            env=installed.environment,
            cwd=installed.home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert until(lambda: _holds_memory(pid))
        limits = _limits(pid)
        del limits["Max data size"]  # not of the plan
        status = Path(f"/proc/{pid}/status").read_text()
        names = "NoNewPrivs|Seccomp|SigBlk|SigIgn|SigCgt|CapEff"
        found = dict(re.findall(rf"^({names}):\s*(\S+)$", status, re.MULTILINE))
        environment = Path(f"/proc/{pid}/environ").read_text().split("\0")
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
        others = [os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir() if int(path.name) > 2]
        assert os.getpgid(pid) == pid
        process.communicate()
        assert process.returncode == 0
        kept = {each for each in environment if not each.startswith("CORAL_CONNECTION=")}
        return found, limits, kept, arguments, [each for each in others if "home" in each or "starts" in each]

    first, second = look(), look()
    assert installed.early() != []
    assert first == second
    assert (first[0]["NoNewPrivs"], first[0]["Seccomp"], first[4]) == ("1", "2", [])


@pytest.mark.parametrize(
    "attempt",
    [
        'Deno.readTextFileSync("/etc/passwd")',
        'Deno.writeTextFileSync(GATE, "")',
        'Deno.writeTextFileSync(GATE.replace(".gate", ""), "")',
        'Deno.readTextFileSync(GATE.replace(".gate", ""))',
        "Deno.readDirSync(GATE.replace(/[/][^/]*$/, ''))",
    ],
)
def test_it_may_no_more(installed: Installed, attempt: str) -> None:
    script = installed.script("console.log(Deno.pid); import './gate.ts';")
    gate = Path(script).with_name("gate.ts")
    gate.write_text("")
    installed.run("run", script)
    (plan,) = installed.plans()
    gate.write_text(f"const GATE = {str(plan) + '.gate'!r}; {attempt};")
    before = plan.read_bytes()
    ended = installed.run("run", script)
    assert ended.code == 77, ended
    assert installed.early() != []
    assert plan.read_bytes() == before


def test_a_hidden_file_that_came_is_denied(installed: Installed) -> None:
    script = installed.script(
        "try { console.log(Deno.pid, Deno.readTextFileSync(new URL('.env', import.meta.url))); }"
        " catch (error) { console.log(Deno.pid, error.name); }"
    )
    first = installed.run("run", script)
    assert first.stdout.endswith(" NotFound\n")
    Path(script).with_name(".env").write_text("SECRET=1")
    second = installed.run("run", script)
    assert second.stdout.endswith(" NotCapable\n")
    (early,) = installed.early()
    assert int(second.stdout.split()[0]) != early
    assert _gone(early)
    assert _took_over(installed, "run", script).stdout.endswith(" NotCapable\n")


def test_another_colony_or_limit_is_another_plan(installed: Installed) -> None:
    script = installed.script("console.log(Deno.pid, JSON.parse(Deno.env.get('CORAL_CONNECTION')).address);")
    installed.run("run", script)
    for variables in ({"CORAL_COLONY": "127.0.0.1:10"}, {"CORAL_MEMORY": "256m"}, {"TZ": "Asia/Tokyo"}):
        other = installed.run("run", script, **variables)
        (early,) = installed.early()
        pid, address = other.stdout.split()
        assert int(pid) != early
        assert address == variables.get("CORAL_COLONY", "127.0.0.1:9")
        assert _took_over(installed, "run", script, **variables).stdout.split()[1] == address


def test_what_the_script_is_told_is_of_this_run(installed: Installed) -> None:
    script = installed.script(
        "console.log(Deno.pid, JSON.parse(Deno.env.get('CORAL_CONNECTION')).executionId, Deno.args.length);"
    )
    installed.run("run", script)
    told = {_took_over(installed, "run", script).stdout.split()[1] for _ in range(3)}
    assert len(told) == 3


def test_parameters_reach_workers_too(installed: Installed) -> None:
    script = installed.script(
        "import * as coral from '@coral/sdk'; console.log(Deno.pid, coral.params.a);"
        "const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });"
        "worker.onmessage = ({ data }) => { console.log(data); worker.terminate(); };"
    )
    Path(script).with_name("worker.ts").write_text(
        "import * as coral from '@coral/sdk'; self.postMessage(`worker ${coral.params.a}`);"
    )
    command = ("run", script, "-p", "a=täglich")
    installed.run(*command)
    assert _took_over(installed, *command).stdout.split()[1:] == ["täglich", "worker", "täglich"]


def test_secrets_are_not_kept(installed: Installed) -> None:
    script = installed.script("console.log(Deno.pid);")
    token = installed.home / "token"
    token.write_text("token-of-somebody")
    token.chmod(0o600)
    for arguments in (["-p", "a=hush-1"], ["--", "hush-2"], ["--token-file", str(token)]):
        installed.run("run", script, *arguments)
    kept = [plan.read_bytes() for plan in installed.plans()]
    assert len(kept) == 2  # none for what stands after --
    assert not any(secret in plan for plan in kept for secret in (b"hush", b"token-of"))


def test_a_program_that_is_gone(installed: Installed) -> None:
    script = installed.script("console.log(Deno.pid, 'done');")
    installed.run("run", script)
    (plan,) = installed.plans()
    content = plan.read_bytes()
    plan.write_bytes(content.replace(b"/deno\0", b"/dena\0"))
    ended = installed.run("run", script)
    assert (ended.code, ended.stdout.split()[1], installed.early()) == (0, "done", [])
    assert plan.read_bytes() == content


def _waits(installed: Installed) -> tuple[str, Path]:
    """A script that prints its process id and ends once a file is there; and that file."""
    script = installed.script(
        "console.log(Deno.pid);"
        "const go = new URL('go', import.meta.url);"
        "while (!await Deno.stat(go).catch(() => null)) await new Promise((on) => setTimeout(on, 5));"
    )
    return script, Path(script).with_name("go")


def test_two_at_once(installed: Installed) -> None:
    script, go = _waits(installed)
    go.touch()
    installed.run("run", script)
    go.unlink()
    processes = [installed.start("run", script) for _ in range(5)]
    pids = {first_line(process) for process in processes}  # all of them run now
    go.touch()
    ended = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0] * 5
    assert len(pids) == 5
    assert {err for _, err in ended} == {b""}
    _took_over(installed, "run", script)


def test_nothing_is_left_where_python_dies(installed: Installed) -> None:
    script = installed.script("console.log(Deno.pid);")
    installed.run("run", script)
    (installed.folder / "children").unlink()
    installed.before("exec sleep 60")
    process = installed.start("run", script)
    deno = deno_below(process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    until(lambda: _gone(deno.pid) or deno.status() == psutil.STATUS_ZOMBIE)


def test_nothing_is_left_where_it_is_not_wanted(installed: Installed) -> None:
    script = installed.script("console.log(Deno.pid);")
    installed.run("run", script)
    Path(script).unlink()
    ended = installed.run("run", script)
    assert (ended.code, ended.stdout) == (66, "")
    assert "there is no file" in ended.stderr
    until(lambda: _gone(*installed.early()))


def test_click_does_not_want_it(installed: Installed) -> None:
    script = installed.script("console.log(Deno.pid);")
    installed.run("run", script)
    ended = installed.run("run", script, CORAL_RUN_QUIET="1")
    assert ended.code == 0
    assert [int(ended.stdout)] != installed.early()
    assert _gone(*installed.early())


def test_time_limit_and_exit_code(installed: Installed) -> None:
    spins = installed.script("console.log(Deno.pid); if (Deno.stdin.isTerminal() === false) for (;;);")
    installed.run("run", spins, "--timeout", "2s")
    ended = _took_over(installed, "run", spins, "--timeout", "2s")
    assert ended.code == 124
    leaves = installed.script("console.log(Deno.pid); Deno.exit(7);", name="leaves.ts")
    installed.run("run", leaves)
    assert _took_over(installed, "run", leaves).code == 7


def test_output_into_a_file(installed: Installed, tmp_path: Path) -> None:
    script = installed.script("console.log(Deno.pid);")
    for round_number in range(3):  # its size is part of a limit, so what is appended has no head start
        with open(tmp_path / "out", "a") as file:
            command = installed.command("run", script)
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                env=installed.environment,
                check=True,
                timeout=DEADLINE_SECONDS,
            )
        assert len((tmp_path / "out").read_text().splitlines()) == round_number + 1
        assert installed.early() == []


def test_more_than_fits_into_a_pipe(installed: Installed) -> None:
    script = installed.script(
        "console.log(Deno.pid, JSON.parse(Deno.env.get('CORAL_CONNECTION')).params.a.length);"
    )
    for length in (1_500, 5_000, 40_000):
        command = ("run", script, "-p", f"a={'x' * length}")
        for _ in range(2):
            assert installed.run(*command).stdout.endswith(f" {length}\n")
        third = installed.run(*command)
        assert ([int(third.stdout.split()[0])] == installed.early()) == (length == 1_500)


@pytest.mark.parametrize("variable", ["CORAL_HEAD_START", "CORAL_NATIVE"])
def test_without_it(installed: Installed, variable: str) -> None:
    script = installed.script("console.log(Deno.pid);")
    for _ in range(2):
        assert installed.run("run", script, **{variable: "0"}).code == 0
    assert (installed.early(), installed.plans()) == ([], [])


def test_one_that_is_no_longer_possible_is_ended(installed: Installed) -> None:
    script, go = _waits(installed)
    go.touch()
    params = installed.home / "params.json"
    params.write_text('{"a": 1}')
    command = ("run", script, "--param-file", str(params))
    installed.run(*command)
    go.unlink()
    params.write_text('{"a": "' + "x" * 200_000 + '"}')
    process = installed.start(*command)
    pid = int(first_line(process))
    (early,) = installed.early()
    assert pid != early
    assert _gone(early)
    go.touch()
    process.communicate()


def test_a_caller_that_ignores_its_children(installed: Installed) -> None:
    script = installed.script("console.log(Deno.pid);")
    installed.run("run", script)
    for variables in ({}, {"CORAL_RUN_QUIET": "1"}, {"CORAL_MEMORY": "256m"}):
        ended = subprocess.run(
            installed.command("run", script),
            env={**installed.environment, **variables},
            cwd=installed.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN),
            timeout=DEADLINE_SECONDS,
        )
        assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_descriptors(installed: Installed, closed: str) -> None:
    script = installed.script(
        f"console.log(Deno.pid, Deno.readTextFileSync({str(installed.home)!r} + '/scripts/a'));"
    )
    Path(script).with_name("a").write_text("")
    command = shlex.join(installed.command("run", script))
    for _ in range(3):
        ended = subprocess.run(
            ["/bin/sh", "-c", f"{command} {closed}"],
            env=installed.environment,
            cwd=installed.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=DEADLINE_SECONDS,
        )
        assert (ended.returncode, ended.stderr) == (0, b"")
        assert b"{" not in ended.stdout


@pytest.mark.parametrize(
    "told",
    [
        "",
        "1",
        "x 1 2 /tmp/x",
        "1 -1 -1 /tmp/x",
        "0 99 98 /tmp/x",
        "1 -1 -1 -1 -1 -1 -1 /tmp/x",
        "0 99 98 97 96 95 94 /tmp/x",
    ],
)
def test_words_of_somebody_else(coral: Program, told: str) -> None:
    script = coral.script("console.log(1);")
    ended = coral.run("run", script, CORAL_HEAD_START=told)
    assert (ended.code, ended.stdout, ended.stderr) == (0, "1\n", "")


def test_other_commands_go_through(installed: Installed) -> None:
    assert installed.run("--version").stdout.startswith("coral ")
    assert installed.run("run").code == 2
    (installed.folder / "coral-python").unlink()
    ended = installed.run("--version")
    assert ended.code == 1
    assert ended.stderr.startswith(f"error: {installed.folder}/coral-python cannot be started: No such file")


def test_it_is_found_through_links(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "linked").symlink_to(installed.folder / "coral")
    ended = subprocess.run(
        [tmp_path / "linked", "--version"], env=installed.environment, capture_output=True, check=True
    )
    assert ended.stdout.startswith(b"coral ")
