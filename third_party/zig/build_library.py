"""Compiles C sources to a shared library or a program, with Zig's C compiler."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

_FLAGS = (
    *("-std=c11", "-O3", "-flto", "-Wall", "-Wextra", "-Werror"),
    # No symbols and no build id: equal sources give equal bytes, wherever they lie.
    *("-s", "-Wl,--build-id=none"),
)
_KINDS = {"library": ("-fPIC", "-fvisibility=hidden", "-shared"), "program": ("-fPIE", "-pie", "-Wl,-z,relro,-z,now")}


def build(zig: Path, kind: str, target: str, sources: list[Path], out: Path) -> None:
    """Writes the library or program to `out`."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache}
        command = [zig / "zig", "cc", "-target", target, *_FLAGS, *_KINDS[kind], "-o", out, *sources, "-lm"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"error: zig cc failed for {target}\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--zig", type=Path, required=True, help="the folder of the compiler")
    parser.add_argument("--kind", choices=list(_KINDS), required=True)
    parser.add_argument("--target", required=True, help="the platform, as zig names it")
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    parser.add_argument("sources", type=Path, nargs="+")
    options = parser.parse_args()
    build(options.zig.absolute(), options.kind, options.target, sorted(options.sources), options.out)
