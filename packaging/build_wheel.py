"""Builds the wheel of one platform from a staged tree with hatchling, the same bytes every time."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from stage_tree import stage

# 2020-01-01, hatchling's own default for reproducible builds; zip files cannot hold a time before 1980.
_EPOCH = "1577836800"


def build(listing: Path, platform: str, out: Path) -> None:
    """Writes the wheel to `out`, whose name must be the one that hatchling gives it."""
    with tempfile.TemporaryDirectory() as tmp:
        tree, dist = Path(tmp, "tree"), Path(tmp, "dist")
        stage(listing, tree)
        environment = dict(os.environ, SOURCE_DATE_EPOCH=_EPOCH, CORAL_WHEEL_PLATFORM=platform)
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(dist)]
        done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"error: hatchling failed\n{done.stdout}{done.stderr}")
        (wheel,) = dist.iterdir()
        if wheel.name != out.name:
            sys.exit(f"error: hatchling named the wheel {wheel.name}, the build expected {out.name}")
        shutil.copyfile(wheel, out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listing", type=Path, required=True, help="the list of files")
    parser.add_argument("--platform", required=True, help="the platform tag")
    parser.add_argument("--out", type=Path, required=True, help="the wheel to write")
    options = parser.parse_args()
    # Bazel's path is relative to its own folder, and hatchling runs in another.
    build(options.listing, options.platform, options.out.absolute())
