"""Builds the wheel of one platform, or the source distribution, from a staged tree with hatchling.

The same bytes every time.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from stage_tree import stage


def build(listing: Path, platform: str, epoch: str, out: Path) -> None:
    """Writes the wheel to `out`, whose name must be the one that hatchling gives it.

    Args:
        listing: The list of files.
        platform: The wheel's tag; "" for the source distribution.
        epoch: The time of every file inside, in seconds since 1970.
        out: What to write.
    """
    with tempfile.TemporaryDirectory() as tmp:
        tree, dist = Path(tmp, "tree"), Path(tmp, "dist")
        stage(listing, tree)
        environment = dict(os.environ, SOURCE_DATE_EPOCH=epoch, CORAL_WHEEL_PLATFORM=platform)
        target = "wheel" if platform else "sdist"
        command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(dist)]
        done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"error: hatchling failed\n{done.stdout}{done.stderr}")
        (built,) = dist.iterdir()
        if built.name != out.name:
            sys.exit(f"error: hatchling named the file {built.name}, the build expected {out.name}")
        shutil.copyfile(built, out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listing", type=Path, required=True, help="the list of files")
    parser.add_argument("--platform", default="", help="the platform tag; without it the sources are packed")
    parser.add_argument("--epoch", required=True, help="the time of the files inside, in seconds since 1970")
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    options = parser.parse_args()
    # Bazel's path is relative to its own folder, and hatchling runs in another.
    build(options.listing, options.platform, options.epoch, options.out.absolute())
