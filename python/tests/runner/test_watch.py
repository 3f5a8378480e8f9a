"""`coral run --watch`: what makes it run again, and what does not end it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import psutil
import pytest

from tests.runner.program import DEADLINE_SECONDS, Program, until

SDK = 'import * as coral from "@coral/sdk";\n'


class Watched:
    """A watch under way, with its stdout and stderr in one file, in the order of writing."""

    def __init__(self, coral: Program, log: Path, *arguments: str) -> None:
        self._log = log
        self._file: IO[bytes] = log.open("wb")
        self._read = 0
        self.process = subprocess.Popen(
            coral.command("run", "--watch", *arguments),
            stdin=subprocess.DEVNULL,
            stdout=self._file,
            stderr=subprocess.STDOUT,
            env=coral.environment,
            cwd=coral.home,
        )

    def expect(self, text: str) -> str:
        """Waits for a text after the last one that was waited for; returns what came up to it."""

        def find() -> str | None:
            seen = self._log.read_text(encoding="utf-8", errors="replace")[self._read :]
            place = seen.find(text)
            if place < 0:
                assert self.process.poll() is None, seen
                return None
            self._read += place + len(text)
            return seen[: place + len(text)]

        return until(find)

    def end(self, number: int = signal.SIGINT) -> int:
        """Sends a signal and waits for the end."""
        self.process.send_signal(number)
        code = self.process.wait(DEADLINE_SECONDS)
        self._file.close()
        return code


class Watching:
    """Starts watches and ends them with the test."""

    def __init__(self, coral: Program, folder: Path) -> None:
        self._coral = coral
        self._folder = folder
        self.all: list[Watched] = []

    def start(self, *arguments: str) -> Watched:
        watched = Watched(self._coral, self._folder / f"log{len(self.all)}", *arguments)
        self.all.append(watched)
        return watched


@pytest.fixture
def watching(coral: Program, tmp_path: Path) -> Iterator[Watching]:
    watching = Watching(coral, tmp_path)
    yield watching
    for watched in watching.all:
        if watched.process.poll() is None:
            watched.end(signal.SIGTERM)


def test_it_runs_again_when_a_file_changes(coral: Program, watching: Watching) -> None:
    coral.script("export const x = 1;", "lib/x.ts")
    text = 'import { x } from "./lib/x.ts";\nconsole.log("run", x, coral.params.p);\n'
    path = coral.script(SDK + text)
    watched = watching.start(path, "-p", "p=7")
    assert "running script.ts\n" in watched.expect("run 1 7\n")
    watched.expect("coral: ended with 0 after ")
    watched.expect("watching 2 files, Ctrl-C ends\n")
    coral.script("export const x = 2;", "lib/x.ts")  # a file that is imported
    watched.expect("run 2 7\n")
    watched.expect("watching 2 files")
    coral.script(SDK + text.replace("run", "again"))  # the script itself
    watched.expect("again 2 7\n")
    coral.script(SDK + 'import "./new.ts";\n')  # an import that is not there yet
    watched.expect("new.ts, which does not exist")
    watched.expect("watching 3 files")
    coral.script('console.log("new");', "new.ts")
    watched.expect("new\n")
    watched.expect("ended with 0")
    assert watched.end() == 130


def test_it_survives_what_scripts_do(coral: Program, watching: Watching) -> None:
    path = coral.script('console.log("first");')
    watched = watching.start(path, "--timeout", "1s")
    watched.expect("first\n")
    watched.expect("ended with 0")
    coral.script("const = 1;")
    watched.expect("script.ts could not be loaded\n")
    watched.expect("ended with 65")
    coral.script('throw new Error("boom");')
    watched.expect("boom")
    watched.expect("ended with 1 ")
    coral.script('console.log("loops"); while (true) {}')
    watched.expect("loops\n")
    watched.expect("stopped at its time limit of 1 s")  # for each run
    watched.expect("ended with 124")
    coral.script('console.log("back");')
    watched.expect("back\n")
    assert watched.end(signal.SIGTERM) == 143


@pytest.mark.parametrize(
    "text",
    [
        'Deno.addSignalListener("SIGTERM", () => {}); console.log("up"); while (true) {}',
        (
            'Deno.addSignalListener("SIGTERM", () => {}); Deno.addSignalListener("SIGINT", () => {});'
            'console.log("up"); setInterval(() => {}, 1000);'
        ),
        'console.log("up"); while (true) console.log("flood");',
    ],
)
def test_a_run_that_does_not_want_to_end(coral: Program, watching: Watching, text: str) -> None:
    path = coral.script(text)
    watched = watching.start(path, "--timeout", "0")
    watched.expect("up\n")
    coral.script('console.log("next");')
    watched.expect("next\n")
    watched.expect("ended with 0")
    mine = psutil.Process(watched.process.pid)
    assert [child.name() for child in mine.children(recursive=True) if child.name() == "deno"] == []


def test_files_that_go_and_come(coral: Program, watching: Watching) -> None:
    path = coral.script('console.log("first");')
    watched = watching.start(path)
    watched.expect("first\n")
    watched.expect("ended with 0")
    os.unlink(path)
    watched.expect("script.ts is gone; waiting for it to come back\n")
    coral.script('console.log("second");')
    watched.expect("second\n")
    watched.expect("ended with 0")
    os.replace(coral.script('console.log("third");', "script.ts~"), path)  # as many editors save
    watched.expect("third\n")
    watched.expect("ended with 0")


def test_types_are_checked_beside_the_run(coral: Program, watching: Watching) -> None:
    path = coral.script('const n: number = "x";\nconsole.log("ran", n);\n')
    watched = watching.start(path, "--check")
    assert "TS2322" not in watched.expect("ran x\n")
    watched.expect("TS2322")
    watched.expect("script.ts has type errors\n")
    coral.script('const n: number = 1;\nconsole.log("ran", n);\n')
    watched.expect("ran 1\n")


def test_ending_the_watch_ends_the_run(coral: Program, watching: Watching) -> None:
    path = coral.script('console.log("up"); setInterval(() => {}, 1000);')
    watched = watching.start(path)
    watched.expect("up\n")
    children = psutil.Process(watched.process.pid).children(recursive=True)
    assert "deno" in [child.name() for child in children]
    assert watched.end(signal.SIGHUP) == 129
    assert [
        child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE
    ] == []


def test_a_quiet_watch_prints_the_scripts_output_only(coral: Program, watching: Watching) -> None:
    path = coral.script('console.log("one");')
    watched = watching.start(path, "-q")
    assert watched.expect("one\n") == "one\n"
    coral.script('console.log("two");')
    assert watched.expect("two\n") == "two\n"


def test_a_missing_script_is_no_watch(coral: Program) -> None:
    assert coral.run("run", "--watch", "nope.ts").code == 66
