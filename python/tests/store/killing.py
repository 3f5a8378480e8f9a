"""A program that lets stores be killed with SIGKILL at any step, and looks at what is there after a restart.

    PYTHONPATH=python python -m tests.store.killing SCENARIO FOLDER COUNT SEED

A step is each call by which a store changes its files: DuckDB statements, fsync, rename, unlink, truncation, notes.
The calls are wrapped here, in processes of this program alone; the store knows nothing of it. Each run is a
fork of a process that has not opened a database yet: one runs the scenario and dies before the step with a
number, the next one opens what is left and checks it. COUNT steps are chosen by SEED, 0 takes all.
Prints, as JSON, the number of steps that there are and what was wrong.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any

import duckdb

from tests.store.kill_scenarios import SCENARIOS, Scenario


class Steps:
    """Counts steps, and dies before the one with the chosen number."""

    def __init__(self, last: int) -> None:
        self.count = 0
        self._last = last
        self._lock = threading.Lock()

    def step(self) -> None:
        """One more step is about to be taken."""
        with self._lock:
            self.count += 1
            if self.count == self._last:
                os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        """Wraps the calls, for good, in this process."""
        connect = duckdb.connect
        duckdb.connect = lambda *values, **named: _Counted(connect(*values, **named), self)  # type: ignore[assignment]
        for module, names in (
            (os, ("fsync", "replace", "rename", "unlink", "ftruncate", "mkdir")),
            (shutil, ("copyfile",)),
            (Path, ("write_text", "touch")),
        ):
            for name in names:
                setattr(module, name, self._counting(getattr(module, name)))

    def _counting(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*values: Any, **named: Any) -> Any:
            self.step()
            return call(*values, **named)

        return counted


class _Counted:
    """A connection whose statements are steps."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, steps: Steps) -> None:
        self._connection, self._steps = connection, steps

    def execute(self, sql: str, *values: Any, **named: Any) -> duckdb.DuckDBPyConnection:
        statements = duckdb.extract_statements(sql) if ";" in sql and not values and not named else [sql]
        for statement in statements:
            self._steps.step()
            self._connection.execute(statement, *values, **named)
        return self._connection

    def cursor(self) -> _Counted:
        return _Counted(self._connection.cursor(), self._steps)

    def __enter__(self) -> _Counted:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._steps.step()
        self._connection.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def in_child(job: Callable[[], str]) -> tuple[int, str]:
    """Runs a job in a fork; answers its exit status (negative: the signal) and the text that it answers."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reading)
            os.write(writing, job().encode()[:60_000])
            code = 0
        except BaseException:
            os.write(writing, traceback.format_exc().encode()[-60_000:])
        finally:
            os._exit(code)  # threads of the store may still run
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        text = pipe.read().decode()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text


def killed_run(scenario: Scenario, folder: Path, prepared: Path, last: int) -> tuple[int, list[str]]:
    """One run that dies before a step (0: never), and the check; answers its steps and what is wrong."""
    shutil.copytree(prepared, folder)

    def run() -> str:
        steps = Steps(last)
        steps.install()
        scenario.run(folder)
        return str(steps.count)

    status, text = in_child(run)
    if status not in (0, -signal.SIGKILL):
        return 0, [f"step {last}: the run itself failed: {text}"]
    steps = int(text) if status == 0 else 0
    status, text = in_child(lambda: json.dumps(scenario.check(folder)))
    shutil.rmtree(folder)
    if status != 0:
        return steps, [f"step {last}: {text}"]
    return steps, [f"step {last}: {wrong}" for wrong in json.loads(text)]


def main() -> None:
    """Runs a scenario."""
    name, folder, count, seed = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    scenario = SCENARIOS[name]
    prepared = folder / "prepared"
    prepared.mkdir(parents=True)
    status, text = in_child(lambda: str(scenario.prepare(prepared)))
    if status != 0:
        sys.exit(text)
    steps, wrong = killed_run(scenario, folder / "whole", prepared, 0)
    numbers = range(1, steps + 1)
    chosen = sorted(Random(f"{name} {seed}").sample(numbers, min(count, steps))) if count else numbers
    for number in chosen:
        wrong += killed_run(scenario, folder / str(number), prepared, number)[1]
    print(json.dumps({"steps": steps, "killed": len(chosen), "wrong": wrong}))


if __name__ == "__main__":
    main()
