"""Copies the files of one tree together, as Bazel keeps the parts of the package in different places.

Reads lines `SOURCE<TAB>TARGET` from a list; a SOURCE that is a folder is copied with all it holds.
"""

from __future__ import annotations

import argparse
import compileall
import py_compile
import shutil
import sys
from pathlib import Path


def stage(listing: Path, out: Path) -> None:
    """Copies everything in `listing` below `out`. Bazel's files are read-only: the copies are not."""
    for line in listing.read_text(encoding="utf-8").splitlines():
        source, _, target = line.partition("\t")
        _copy(Path(source), out / target)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        for entry in sorted(source.iterdir()):
            _copy(entry, target / entry.name)
        return
    if target.exists():
        sys.exit(f"error: two files for {target}")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    if source.stat().st_mode & 0o100 and source.suffix in {"", ".exe"}:
        target.chmod(0o755)


def _compile(out: Path) -> None:
    # By hash and unchecked: equal sources give equal files, whatever their times are.
    done = compileall.compile_dir(
        str(out), quiet=1, stripdir=str(out), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
    if not done:
        sys.exit("error: a module does not compile, see above")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listing", type=Path, required=True, help="the list of files")
    parser.add_argument("--out", type=Path, required=True, help="the folder to fill")
    parser.add_argument("--compile", action="store_true", help="also write .pyc files")
    options = parser.parse_args()
    stage(options.listing, options.out)
    if options.compile:
        _compile(options.out)
