"""The layers above the system: what pip installs of the wheel and its dependencies, and Coral itself."""

from __future__ import annotations

import compileall
import io
import json
import os
import py_compile
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import zstandard
from entries import Entries, Entry, read_folder, text

# Parts of pyarrow for protocols that Coral does not speak, headers and tests: a third of it. zstandard comes
# with two engines that do the same.
_UNUSED = re.compile(
    r"pyarrow/(include|tests|src|includes|vendored/tests)/"
    r"|pyarrow/_(flight|substrait|s3fs|gcsfs|azurefs|hdfs|orc)\."
    r"|pyarrow/lib(arrow_|arrow_python_)(flight|s3)\."
    r"|pyarrow/.*\.(pxd|pxi|pyx|h|cc)$"
    r"|zstandard/_cffi\."
    r"|bin/"
)
_DENO = "coral/_deno/"


@dataclass(frozen=True)
class Packages:
    """What was installed.

    Attributes:
        dependencies: All but Coral.
        coral: Coral without Deno.
        packed_deno: Deno as the wheel has it, compressed.
        deno: Deno, ready to be started.
    """

    dependencies: Entries
    coral: Entries
    packed_deno: Entries
    deno: Entries

    def all(self) -> Entries:
        """All that may be in an image."""
        return self.dependencies | self.coral | self.packed_deno | self.deno


def install(wheel: Path, wheelhouse: Path, place: str) -> Packages:
    """Installs by pip from the wheelhouse alone, and compiles: nothing can be written in an image.

    Args:
        wheel: Coral's.
        wheelhouse: The wheels of its dependencies.
        place: The folder of Python's packages in the image, without a leading slash.
    """
    with tempfile.TemporaryDirectory() as temporary:
        target = Path(temporary, "site")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-compile"]
        command += ["--find-links", str(wheelhouse), "--target", str(target), str(wheel)]
        environment = {**os.environ, "PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ValueError(f"pip could not install {wheel.name}: {done.stderr}{done.stdout}")
        compileall.compile_dir(
            target,
            quiet=2,
            stripdir=str(target),
            prependdir=f"/{place}",
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
        files = read_folder(target, "")
    files = {name.lstrip("/"): entry for name, entry in files.items()}
    files = {
        name: entry for name, entry in files.items() if not _UNUSED.match(name) and entry.data is not None
    }
    ours = {name: entry for name, entry in files.items() if re.match(r"coral(-[^/]+\.dist-info)?/", name)}
    packed = {name: entry for name, entry in ours.items() if name == f"{_DENO}deno.zst"}
    return Packages(
        dependencies=_at(place, {name: entry for name, entry in files.items() if name not in ours}),
        coral=_at(place, {name: entry for name, entry in ours.items() if name not in packed})
        | {"usr/local/bin/coral": text(f"#!/usr/bin/python3\n{_START}", 0o755)},
        packed_deno=_at(place, packed),
        deno=_at(place, _unpacked(ours)),
    )


_START = """\
import sys

from coral.__main__ import main

sys.exit(main())
"""


def _unpacked(ours: Entries) -> Entries:
    """Deno as a program; the wheel's own manifest says what it must be."""
    manifest = json.loads(ours[f"{_DENO}manifest.json"].data or b"")
    packed = io.BytesIO(ours[f"{_DENO}deno.zst"].data or b"")
    with zstandard.ZstdDecompressor(max_window_size=2**31).stream_reader(packed) as reader:
        raw = reader.read(manifest["size"] + 1)
    if len(raw) != manifest["size"]:
        raise ValueError(f"Deno has {len(raw)} bytes or more, expected {manifest['size']}")
    return {f"{_DENO}deno": Entry(0o755, data=raw)}


def _at(place: str, entries: Entries) -> Entries:
    return {f"{place}/{name}": entry for name, entry in entries.items()}
