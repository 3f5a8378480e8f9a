"""How a script ends that does not end by itself: time, memory, signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil
import pytest

from tests.runner.program import DEADLINE_SECONDS, Program, deno_below, finish, first_line, interrupt

LOOP = "while (true) {}"
DEAF = 'Deno.addSignalListener("SIGTERM", () => {}); Deno.addSignalListener("SIGINT", () => {});\n'
UP = 'console.log("up");\n'
WAIT = "setInterval(() => {}, 1000);"


@pytest.mark.parametrize(
    "text", [LOOP, DEAF + LOOP, DEAF + WAIT, "await new Promise((r) => setTimeout(r, 1e6));"]
)
def test_the_time_limit_ends_every_script(coral: Program, text: str) -> None:
    process = coral.start("run", coral.script(UP + text), "--timeout", "300ms")
    assert first_line(process) == "up"
    ended = finish(process)
    assert ended.code == 124
    assert ended.stderr == (
        "error: script.ts was stopped at its time limit of 0.3 s\n"
        "hint: raise it with --timeout 5m, or lift it with --timeout 0\n"
    )
    assert not [
        p for p in psutil.process_iter(["cmdline"]) if str(coral.home) in " ".join(p.info["cmdline"] or ())
    ]


def test_what_the_script_printed_before_its_limit_is_kept(coral: Program) -> None:
    ended = coral.run("run", coral.script(UP + LOOP), "--timeout", "2s")
    assert (ended.code, ended.stdout) == (124, "up\n")


def test_timeout_zero_is_no_limit(coral: Program) -> None:
    script = coral.script('await new Promise((r) => setTimeout(r, 50)); console.log("done");')
    assert coral.run("run", script, "--timeout", "0").stdout == "done\n"


def test_running_out_of_memory_has_its_own_code(coral: Program) -> None:
    script = coral.script("const a = []; while (true) a.push(new Array(1e5).fill({}).map(() => ({})));")
    ended = coral.run("run", script)
    assert ended.code == 137
    assert ended.stderr.endswith(
        "error: script.ts ran out of its 512 MiB of memory\n"
        "hint: keep less at once (db.stream reads rows one by one), or raise the limit with --memory 1g\n"
    )


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_to_coral_ends_the_script(coral: Program, number: int, code: int) -> None:
    process = coral.start("run", coral.script(UP + WAIT))
    assert first_line(process) == "up"
    deno = deno_below(process)
    interrupt(process, number)
    ended = finish(process)
    assert (ended.code, ended.stderr) == (code, "")
    assert not deno.is_running()


def test_a_script_may_clean_up_after_an_interrupt(coral: Program) -> None:
    script = coral.script(
        'Deno.addSignalListener("SIGINT", () => { console.log("cleaned"); Deno.exit(5); });\n' + UP + WAIT
    )
    process = coral.start("run", script)
    assert first_line(process) == "up"
    interrupt(process)
    ended = finish(process)
    assert (ended.code, ended.stdout) == (5, "cleaned\n")


def test_a_second_interrupt_kills_a_deaf_script(coral: Program) -> None:
    text = 'Deno.addSignalListener("SIGINT", () => console.log("heard"));\n' + UP + WAIT
    process = coral.start("run", coral.script(text))
    assert first_line(process) == "up"
    interrupt(process)
    assert first_line(process) == "heard"
    interrupt(process)
    assert finish(process).code == 130


@pytest.mark.parametrize("times", [1, 2])
def test_a_script_that_does_not_stop_is_killed(coral: Program, times: int) -> None:
    text = 'Deno.addSignalListener("SIGTERM", () => console.log("heard"));\n' + UP + WAIT
    process = coral.start("run", coral.script(text), "--timeout", "0")
    assert first_line(process) == "up"
    deno = deno_below(process)
    os.kill(process.pid, signal.SIGTERM)
    assert first_line(process) == "heard"
    if times == 2:
        os.kill(process.pid, signal.SIGTERM)
    ended = finish(process)
    assert (ended.code, ended.stdout, ended.stderr) == (143, "", "")
    assert not deno.is_running()


def test_a_killed_script_ends_like_its_signal(coral: Program) -> None:
    process = coral.start("run", coral.script(UP + WAIT))
    assert first_line(process) == "up"
    deno_below(process).kill()
    assert finish(process).code == 137


def test_ctrl_c_at_a_terminal(coral: Program) -> None:
    script = coral.script(UP + WAIT)
    command = coral.command("run", "--no-check", script)
    spawn = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
    terminal = subprocess.Popen(
        [sys.executable, "-c", spawn, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=coral.environment,
        cwd=coral.home,
    )
    assert terminal.stdin is not None
    assert first_line(terminal) == "up"
    terminal.stdin.write(b"\x03")
    terminal.stdin.flush()
    assert terminal.wait(DEADLINE_SECONDS) == 130
    terminal.communicate()


def test_an_ignored_hangup_stays_ignored(coral: Program) -> None:
    process = subprocess.Popen(
        ["nohup", *coral.command("run", coral.script(UP + WAIT))],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=coral.environment,
    )
    assert first_line(process) == "up"
    os.kill(process.pid, signal.SIGHUP)
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(DEADLINE_SECONDS) == 143
    process.communicate()
