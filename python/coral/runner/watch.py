"""Runs a script again whenever one of its files changes (`coral run --watch`).

Each run is a fork of this process: it starts in a few milliseconds, and whatever happens to it, this one
lives on. Files are looked at by `stat`, 40 times a second: that sees every way of saving (in place, by
renaming, on a network), which events of the kernel do not.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable

from coral.printing import say
from coral.runner.diagnosis import (
    check_command,
    check_report,
    graph_command,
    has_type_errors,
    unchecked_types,
)
from coral.runner.graph import read_graph
from coral.runner.question import Answer, Question
from coral.runner.script import Job, Prepared
from coral.script_limits import CHECK_SECONDS, GRAPH_SECONDS

_LOOK_SECONDS = 0.025
_SETTLED_SECONDS = 0.02
_SETTLING_SECONDS = 0.5
_GRACE_SECONDS = 0.1
_CHECK_AFTER_SECONDS = 0.5
_COUNT_SECONDS = 2.0
_STEP_SECONDS = 0.03
_ENDING = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")

_Mark = tuple[int, int, int] | None


class Watch:
    """Runs a script, and again at each change, until a signal ends it.

    Attributes:
        runs: How many runs have been started.
    """

    def __init__(self, job: Job, once: Callable[[], int], *, extra: list[str], checks: bool) -> None:
        """Prepares nothing yet.

        Args:
            job: The script, for its graph and its types; this one is never run.
            once: Runs the script and returns its exit code; called in a process of its own.
            extra: Further files whose change counts.
            checks: Whether to check types beside each run.
        """
        self.runs = 0
        self._job = job
        self._once = once
        self._checks = checks
        self._check_seconds = min(job.time_limit or CHECK_SECONDS, CHECK_SECONDS)
        self._marks: dict[str, _Mark] = {os.path.abspath(path): None for path in extra}
        self._received: list[int] = []

    def run(self) -> int:
        """Runs until a signal; returns 128 and its number."""
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_read, False)
        os.set_blocking(wake_write, False)
        self._wake = wake_read
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        for name in _ENDING:
            signal.signal(getattr(signal, name), lambda number, frame: self._received.append(number))
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        with Prepared(self._job) as graph, Prepared(self._job) as types:
            types.use_types()
            self._graph, self._types = graph, types
            script = self._job.source.path
            assert script is not None, "only files are watched"
            self._marks[script] = None
            while not self._received:
                self._one_run(script)
        return 128 + self._received[0]

    def _one_run(self, script: str) -> None:
        self._look()
        if not os.path.exists(script):
            self._say(f"{self._job.source.name} is gone; waiting for it to come back")
            self._until_changed(None, None)
            return
        self.runs += 1
        self._say(f"{time.strftime('%H:%M:%S')} running {self._job.source.name}")
        start = time.monotonic()
        started_ns = time.time_ns()
        child = _Child(self._once)
        with self._graph.ask(graph_command(self._graph), seconds=GRAPH_SECONDS) as question:
            self._until_changed(child, question, start, started_ns)
        child.stop()

    def _until_changed(
        self,
        child: _Child | None,
        question: Question | None,
        start: float = 0.0,
        started_ns: int = 0,
    ) -> None:
        """Waits for a change or a signal; meanwhile says how the run ended and asks for graph and types."""
        check: Question | None = None
        may_check = self._checks
        try:
            while not self._received:
                changed = self._look()
                if question is not None and (answer := question.answer()) is not None:
                    changed = self._learn(answer.stdout, started_ns) or changed
                    question = None
                if changed:
                    self._settle()
                    return
                # How many files are watched is known with the answer; it comes about when the run ends.
                counted = question is None or time.monotonic() - start > _COUNT_SECONDS
                if child is not None and counted and child.ended():
                    self._say_ended(child.code, time.monotonic() - start)
                    child = None
                running = child is not None and time.monotonic() - start < _CHECK_AFTER_SECONDS
                if may_check and question is None and start and not running:
                    may_check = False
                    types = self._types
                    check = types.ask(check_command(types), seconds=self._check_seconds, checks=True)
                if check is not None and (answer := check.answer()) is not None:
                    self._say_checked(answer)
                    check.close()
                    check = None
                self._sleep()
        finally:
            if check is not None:
                check.close()

    def _look(self) -> bool:
        """Looks at all files; says whether one is not as it was."""
        changed = False
        for path, before in self._marks.items():
            now = _mark(path)
            if now != before:
                self._marks[path] = now
                changed = True
        return changed

    def _learn(self, answer: bytes, started_ns: int) -> bool:
        """Takes the files of a new graph; says whether one changed since the run began."""
        changed = False
        for module in read_graph(self._graph, answer):
            if module.path in self._marks:
                continue
            self._marks[module.path] = now = _mark(module.path)
            changed = changed or (now is not None and now[0] > started_ns)
        return changed

    def _settle(self) -> None:
        """Waits until saving is over: an editor may write in several steps, or rename."""
        limit = time.monotonic() + _SETTLING_SECONDS
        quiet_until = time.monotonic() + _SETTLED_SECONDS
        while not self._received and time.monotonic() < min(limit, quiet_until):
            self._sleep(_SETTLED_SECONDS / 4)
            if self._look():
                quiet_until = time.monotonic() + _SETTLED_SECONDS

    def _sleep(self, seconds: float = _LOOK_SECONDS) -> None:
        select.select([self._wake], [], [], seconds)
        try:
            os.read(self._wake, 512)
        except BlockingIOError:
            pass  # no signal came

    def _say_ended(self, code: int, seconds: float) -> None:
        count = len(self._marks)
        files = "1 file" if count == 1 else f"{count} files"
        self._say(f"ended with {code} after {seconds:.2f} s; watching {files}, Ctrl-C ends")

    def _say_checked(self, answer: Answer) -> None:
        unchecked = unchecked_types(answer, self._job.source.name, self._check_seconds)
        if unchecked is not None:
            self._say(unchecked.message)
        # Without type errors it cannot be loaded, which its run says.
        elif answer.code and has_type_errors(check_report(answer.stderr)):
            sys.stderr.write(check_report(answer.stderr))
            self._say(f"{self._job.source.name} has type errors")

    def _say(self, text: str) -> None:
        if not self._job.quiet:
            say(text)


class _Child:
    """One run, in a process of its own."""

    def __init__(self, once: Callable[[], int]) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        self.code = 0
        self._over = False
        self._pid = os.fork()
        if self._pid == 0:
            code = 70
            try:
                signal.set_wakeup_fd(-1)
                for name in (*_ENDING, "SIGCHLD"):
                    signal.signal(getattr(signal, name), signal.SIG_DFL)
                signal.signal(signal.SIGINT, signal.default_int_handler)
                code = once()
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(code)

    def ended(self) -> bool:
        """Says whether it has ended; `code` is its exit code then."""
        if not self._over:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                self.code = code if code >= 0 else 128 - code
                self._over = True
        return self._over

    def stop(self) -> None:
        """Ends it: politely, after a moment by interrupts, of which the second one kills the script."""
        begin = time.monotonic()
        step = 0
        while not self.ended():
            spent = time.monotonic() - begin
            if step == 0 or spent > _GRACE_SECONDS + _STEP_SECONDS * step:
                number = signal.SIGTERM if step == 0 else signal.SIGINT if step < 100 else signal.SIGKILL
                os.kill(self._pid, number)
                step += 1
            time.sleep(0.003)


def _mark(path: str) -> _Mark:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
