"""How long the first run takes: unpacking Deno, alone and by 20 processes at once.

    .venv/bin/python integration_tests/benchmarks/first_run.py

Wants the archive that `./bazelw run //:dev` puts into the tree. Every round has an empty cache.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "python" / "coral"
ROUNDS = 10
AT_ONCE = 20


def main() -> int:
    """Prints the medians."""
    if not (PACKAGE / "_deno" / "deno.zst").exists():
        print("error: this tree has no archive of Deno\nhint: run ./bazelw run //:dev", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="coral-first-run.") as folder:
        copy = Path(folder, "site", "coral")
        shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("_deno", "__pycache__"))
        (copy / "_deno").mkdir()
        for name in ("deno.zst", "manifest.json"):
            shutil.copy(PACKAGE / "_deno" / name, copy / "_deno" / name)
        script = Path(folder, "hello.ts")
        script.write_text('import * as coral from "@coral/sdk"; console.log(coral.mode);\n')
        first, second, together = [], [], []
        for number in range(ROUNDS):
            cache = Path(folder, f"cache{number}")
            first.append(_timed(copy.parent, script, cache, 1))
            second.append(_timed(copy.parent, script, cache, 1))
            shutil.rmtree(cache)
        for number in range(3):
            cache = Path(folder, f"together{number}")
            together.append(_timed(copy.parent, script, cache, AT_ONCE))
            if len(list(cache.glob("deno/*/deno"))) != 1:
                raise SystemExit("error: not one Deno was unpacked")
            shutil.rmtree(cache)
    for name, times in (
        ("first run", first),
        ("second run", second),
        (f"{AT_ONCE} first runs at once", together),
    ):
        low, middle, high = min(times), statistics.median(times), max(times)
        print(f"{name:<24} min {low:.2f} s, median {middle:.2f} s, max {high:.2f} s")
    return 0


def _timed(site: Path, script: Path, cache: Path, count: int) -> float:
    """Seconds from starting so many `coral run` until the last has ended."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(site), *[path for path in sys.path[1:] if path]]),
        "HOME": str(cache),
        "TMPDIR": str(cache),
        "CORAL_CACHE_DIR": str(cache),
        "CORAL_COLONY": "127.0.0.1:9",
    }
    cache.mkdir(exist_ok=True)
    start = time.monotonic()
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "coral", "run", "--no-check", str(script)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(count)
    ]
    codes = [run.wait() for run in runs]
    if any(codes):
        raise SystemExit(f"error: runs ended with {codes}")
    return time.monotonic() - start


if __name__ == "__main__":
    sys.exit(main())
