"""What `coral run` adds to bare `deno run`: the same script with the SDK import, in turns.

    python integration_tests/benchmarks/run_overhead.py [--coral PATH] [--runs 20]

Both run a script that imports `@coral/sdk` and prints one line; bare Deno gets an import map and
nothing else. Rounds alternate, so that a busy machine slows both alike. "without a head start" is what a
command line costs that did not run before (docs/adr/0015-head-start.md). Exit code 1 if the median of
`coral run` is above the budget (2.0 times the median of bare Deno).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from coral.runner.binary import find_deno
from coral.runner.places import sdk_bundle

BUDGET = 2.0
SCRIPT = 'import * as coral from "@coral/sdk";\nconsole.log("hello", typeof coral.params);\n'


def main() -> int:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20, help="rounds (default: 20)")
    parser.add_argument(
        "--coral", help="the installed program (default: coral on PATH, else python -m coral)"
    )
    options = parser.parse_args()
    program = options.coral or shutil.which("coral")
    coral = [os.path.abspath(program)] if program else [sys.executable, "-m", "coral"]
    deno = find_deno()
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder, "script")  # as a user has it: Deno's cache is not beside the script
        own.mkdir()
        script = own / "hello.ts"
        script.write_text(SCRIPT, encoding="utf-8")
        import_map = Path(folder, "import_map.json")
        import_map.write_text(
            json.dumps({"imports": {"@coral/sdk": Path(sdk_bundle()).as_uri()}}), encoding="utf-8"
        )
        bare = [deno, "run", "--no-prompt", f"--import-map={import_map}", str(script)]
        run = [*coral, "run", str(script), "--colony", "127.0.0.1:9"]
        environment = {**os.environ, "NO_COLOR": "1", "DENO_DIR": str(Path(folder, "deno-dir"))}
        if program:  # an installed program is measured, not this tree's sources in its place
            environment.pop("PYTHONPATH", None)
        kinds = {
            "deno run": (bare, environment),
            "coral run": (run, environment),
            "without a head start": (run, {**environment, "CORAL_HEAD_START": "0"}),
        }
        times: dict[str, list[float]] = {name: [] for name in kinds}
        for round_number in range(options.runs + 2):
            for name, (command, variables) in kinds.items():
                spent = _spend(command, variables)
                if round_number >= 2:  # the first ones fill the caches
                    times[name].append(spent)
    bare_median = statistics.median(times["deno run"])
    print(f"{'ms':<20} {'median':>7} {'min':>7} {'max':>7} {'ratio':>6}")
    for name, values in times.items():
        median = statistics.median(values)
        row = f"{name:<20} {median:7.1f} {min(values):7.1f} {max(values):7.1f} {median / bare_median:6.2f}"
        print(row)
    ratio = statistics.median(times["coral run"]) / bare_median
    print(f"coral run / deno run: {ratio:.2f} (budget {BUDGET}, {options.runs} rounds)")
    return 0 if ratio <= BUDGET else 1


def _spend(command: list[str], environment: dict[str, str]) -> float:
    start = time.perf_counter()
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    child = os.posix_spawn(command[0], command, environment, file_actions=quiet)
    _, status = os.waitpid(child, 0)
    spent = (time.perf_counter() - start) * 1000
    if status != 0:
        sys.exit(f"error: {' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return spent


if __name__ == "__main__":
    sys.exit(main())
