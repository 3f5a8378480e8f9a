"""From saving a script to its new output, under `coral run --watch`.

    python integration_tests/benchmarks/watch.py [--coral PATH] [--saves 30]

Saves the script, or a file that it imports, in turns, and waits for the line that the new version prints.
Exit code 1 if a median is above the budget (300 ms).
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BUDGET_MS = 300.0
_PAUSE_SECONDS = 0.3  # as somebody who types


def main() -> int:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--saves", type=int, default=30, help="of each file (default: 30)")
    parser.add_argument("--coral", help="the installed program (default: coral on PATH)")
    options = parser.parse_args()
    program = os.path.abspath(options.coral or shutil.which("coral") or sys.exit("error: no coral on PATH"))
    with tempfile.TemporaryDirectory() as folder:
        script, imported = Path(folder, "script.ts"), Path(folder, "part.ts")
        script.write_text(_script("first"), encoding="utf-8")
        imported.write_text(_part("first"), encoding="utf-8")
        command = [program, "run", "--watch", str(script), "--colony", "127.0.0.1:9"]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        try:
            _await(process, "first first")
            times: dict[str, list[float]] = {"the script": [], "an import": []}
            words = {"the script": "first", "an import": "first"}
            for number in range(options.saves):
                for name, path, text in (
                    ("the script", script, _script),
                    ("an import", imported, _part),
                ):
                    time.sleep(_PAUSE_SECONDS)
                    words[name] = f"save-{number}"
                    start = time.perf_counter()
                    path.write_text(text(words[name]), encoding="utf-8")
                    _await(process, f"{words['the script']} {words['an import']}")
                    times[name].append((time.perf_counter() - start) * 1000)
        finally:
            process.terminate()
            process.communicate()
    print(f"{'ms, saving':<12} {'median':>7} {'min':>7} {'max':>7}")
    for name, values in times.items():
        print(f"{name:<12} {statistics.median(values):7.1f} {min(values):7.1f} {max(values):7.1f}")
    return 0 if all(statistics.median(values) <= BUDGET_MS for values in times.values()) else 1


def _script(word: str) -> str:
    return (
        'import * as coral from "@coral/sdk";\nimport { part } from "./part.ts";\n'
        f'console.log("{word}", part, typeof coral.params);\n'
    )


def _part(word: str) -> str:
    return f'export const part = "{word}";\n'


def _await(process: subprocess.Popen[str], words: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(words):
            return
    sys.exit(f"error: coral run --watch ended before it printed {words!r}")


if __name__ == "__main__":
    sys.exit(main())
