"""A script that was started before Python, and its output: a terminal's filter, or a format of its result."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runner.at_terminal import at_terminal
from tests.runner.installed import Installed, installed

__all__ = ["installed"]

if sys.platform != "linux":
    pytest.skip("only Linux has the program", allow_module_level=True)

_STEERS = r'console.log("\x1b[2J" + Deno.pid); console.error("\x1b]0;owned\x07second"); console.log("third");'


def test_it_takes_over_and_the_output_is_filtered(installed: Installed) -> None:
    script = installed.script(_STEERS)
    assert at_terminal(installed, "run", script)[0] == 0
    assert installed.early() == []
    for _ in range(2):
        code, seen, _ = at_terminal(installed, "run", script)
        (pid,) = installed.early()
        assert (code, seen) == (0, f"{pid}\nsecond\nthird\n")


def test_types_are_checked_before_it_begins(installed: Installed) -> None:
    script = installed.script("console.log(Deno.pid);")
    assert at_terminal(installed, "run", script)[0] == 0
    Path(script).write_text('const n: number = "x";\nconsole.log(n);\n')
    code, seen, _ = at_terminal(installed, "run", script, NO_COLOR="1")
    assert (code, "TS2322" in seen) == (79, True)
    assert len(installed.early()) == 1


def test_another_one_is_started_where_something_changed(installed: Installed) -> None:
    script = installed.script(_STEERS)
    at_terminal(installed, "run", script)
    Path(script).with_name(".env").write_text("SECRET=1")
    code, seen, _ = at_terminal(installed, "run", script)
    (early,) = installed.early()
    pid, *rest = seen.splitlines()
    assert (code, rest) == (0, ["second", "third"])
    assert int(pid) != early


def test_a_terminal_and_a_pipe_have_plans_of_their_own(installed: Installed) -> None:
    script = installed.script("console.log(String(Deno.pid));")
    for turn in range(2):
        for run in (
            lambda: installed.run("run", script).stdout,
            lambda: at_terminal(installed, "run", script)[1],
        ):
            seen = run()
            assert installed.early() == ([int(seen)] if turn else [])
    assert len(installed.plans()) == 2


def _read(terminal: int, lines: int) -> bytes:
    seen = b""
    while seen.count(b"\n") < lines:
        seen += os.read(terminal, 1 << 16)
    return seen


def test_each_stream_goes_its_own_way(installed: Installed) -> None:
    """Two terminals, and a terminal beside a pipe."""
    script = installed.script(_STEERS)
    terminals = [pty.openpty() for _ in range(2)]
    (out, out_slave), (err, err_slave) = terminals
    try:
        for _ in range(2):
            process = subprocess.Popen(
                installed.command("run", script),
                stdin=subprocess.DEVNULL,
                stdout=out_slave,
                stderr=err_slave,
                env=installed.environment,
                cwd=installed.home,
            )
            assert process.wait() == 0
            shown = _read(out, lines=2), _read(err, lines=1)
        (pid,) = installed.early()
        assert shown == (b"%d\r\nthird\r\n" % pid, b"second\r\n")

        for _ in range(2):
            ended = subprocess.run(
                installed.command("run", script),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=err_slave,
                env=installed.environment,
                cwd=installed.home,
                check=True,
            )
            shown = ended.stdout, _read(err, lines=1)
        (pid,) = installed.early()
        assert shown == (b"\x1b[2J%d\nthird\n" % pid, b"second\r\n")
    finally:
        for pair in terminals:
            for descriptor in pair:
                os.close(descriptor)


@pytest.mark.parametrize("form", ["json", "table"])
def test_a_run_with_an_output_format(installed: Installed, form: str) -> None:
    script = installed.script("console.log(Deno.pid, import.meta.main); export default {a: 1};")
    said = {"json": '{"a":1}\n', "table": "a\n-\n1\n(1 row)\n"}[form]
    for turn in range(2):
        ended = installed.run("run", script, "-o", form)
        pid, main = ended.stderr.split()
        assert (ended.code, ended.stdout, main) == (0, said, "true")
        assert installed.early() == ([int(pid)] if turn else [])
