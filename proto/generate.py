"""Generates the Python stubs (`coral/_proto`) from the contracts in this folder.

Used by the Bazel rule and by the set-up for editors; needs grpcio-tools and mypy-protobuf.

`protoc` derives module paths from proto packages, so `coral.colony.v1` would collide with our
own `coral.colony`. The stubs are therefore placed under `coral/_proto/<component>/v1` and their
imports are rewritten to match.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

_OWN_IMPORT = re.compile(r"\bcoral\.(?=(?:agent|colony|sdk)\.v1\b)")
_IMPORT_LINE = re.compile(r"^(?:from|import) ")


def _rewrite(source: str) -> str:
    """Points the imports of our own stubs at `coral._proto`."""
    return "".join(
        _OWN_IMPORT.sub("coral._proto.", line) if _IMPORT_LINE.match(line) else line
        for line in source.splitlines(keepends=True)
    )


def generate(proto_root: Path, out: Path) -> None:
    """Writes the stubs of every .proto below `proto_root` to `out` (the `coral/_proto` folder)."""
    protos = sorted(p.relative_to(proto_root).as_posix() for p in proto_root.rglob("coral/**/*.proto"))
    if not protos:
        sys.exit(f"error: no .proto file below {proto_root}")
    scripts = Path(sys.executable).parent
    plugin = shutil.which("protoc-gen-mypy_grpc", path=f"{scripts}:{sysconfig.get_path('scripts')}")
    with tempfile.TemporaryDirectory() as tmp:
        arguments = [
            "protoc",
            f"--proto_path={proto_root}",
            f"--proto_path={Path(grpc_tools.__file__).parent / '_proto'}",
            f"--python_out={tmp}",
            f"--pyi_out={tmp}",
            f"--grpc_python_out={tmp}",
            f"--mypy_grpc_out=quiet:{tmp}",
            *protos,
        ]
        if plugin is None:
            sys.exit("error: protoc-gen-mypy_grpc is missing\nhint: install mypy-protobuf")
        arguments.insert(1, f"--plugin=protoc-gen-mypy_grpc={plugin}")
        if protoc.main(arguments) != 0:
            sys.exit("error: protoc failed, see above")
        out.mkdir(parents=True, exist_ok=True)
        (out / "__init__.py").write_text('"""Generated from proto/. Do not edit."""\n')
        for source in sorted(Path(tmp, "coral").rglob("*.py*")):
            target = out / source.relative_to(Path(tmp, "coral"))
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_rewrite(source.read_text()))
        for folder in [p for p in out.rglob("*") if p.is_dir() and p.name != "__pycache__"]:
            (folder / "__init__.py").touch()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--proto-root", type=Path, required=True, help="the proto/ folder")
    parser.add_argument("--out", type=Path, required=True, help="where coral/_proto is written")
    options = parser.parse_args()
    generate(options.proto_root, options.out)
