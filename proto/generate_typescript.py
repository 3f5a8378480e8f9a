"""Generates the TypeScript stubs (`typescript/sdk/gen`) from the contracts in this folder.

Used by the Bazel rule; needs grpcio-tools, Node and the npm package @bufbuild/protoc-gen-es.
Everything that the SDK talks is generated: the query service, the SDK runtime, what they import, and
google.rpc's status and error details, whose .proto files come with the Python package
googleapis-common-protos. Of the error details only the messages that the SDK reads: every script loads them.
"""

from __future__ import annotations

import argparse
import re
import shlex
import sys
import tempfile
from pathlib import Path

import google.rpc.error_details_pb2 as error_details
import grpc_tools
from google.rpc import error_details_pb2
from grpc_tools import protoc

_ERROR_DETAILS = "google/rpc/error_details.proto"
_STATUS = "google/rpc/status.proto"
_DETAILS_READ = ("ErrorInfo", "RetryInfo")


def generate(proto_root: Path, node: Path, node_modules: Path, out: Path) -> None:
    """Writes one `*_pb.ts` for every .proto below `proto_root` to `out`."""
    protos = sorted(p.relative_to(proto_root).as_posix() for p in proto_root.rglob("coral/**/*.proto"))
    if not protos:
        sys.exit(f"error: no .proto file below {proto_root}")
    plugin = node_modules.resolve() / "@bufbuild" / "protoc-gen-es" / "bin" / "protoc-gen-es"
    if not plugin.exists():
        sys.exit(f"error: {plugin} is missing\nhint: run `npm ci` in third_party/npm")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as tmp:
        # protoc starts a plugin as one program, and the plugin's first line looks for `node` in PATH.
        program = Path(tmp, "protoc-gen-es")
        command = shlex.join([str(node.resolve()), str(plugin)])
        program.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        program.chmod(0o755)
        details = Path(tmp, _ERROR_DETAILS)
        details.parent.mkdir(parents=True)
        details.write_text(_only(Path(error_details.__file__).with_name("error_details.proto").read_text()))
        arguments = [
            "protoc",
            f"--plugin=protoc-gen-es={program}",
            f"--proto_path={tmp}",
            f"--proto_path={proto_root}",
            f"--proto_path={Path(grpc_tools.__file__).parent / '_proto'}",
            f"--proto_path={Path(error_details.__file__).parents[2]}",
            f"--es_out={out}",
            # site-packages: googleapis-common-protos has the .proto files beside its modules.
            f"--proto_path={Path(error_details_pb2.__file__).parents[2]}",
            # Deno wants the file extension in an import.
            "--es_opt=target=ts,import_extension=ts",
            *protos,
            _ERROR_DETAILS,
            _STATUS,
        ]
        if protoc.main(arguments) != 0:
            sys.exit("error: protoc failed, see above")


def _only(proto: str) -> str:
    """The text of a .proto file without the top-level messages that are not in `_DETAILS_READ`."""
    messages = re.findall(r"^message (\w+) \{.*?^\}\n", proto, re.MULTILINE | re.DOTALL)
    for name in messages:
        if name not in _DETAILS_READ:
            proto = re.sub(rf"^message {name} \{{.*?^\}}\n", "", proto, flags=re.MULTILINE | re.DOTALL)
    return proto


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--proto-root", type=Path, required=True, help="the proto/ folder")
    parser.add_argument("--node", type=Path, required=True, help="the Node program")
    parser.add_argument("--node-modules", type=Path, required=True, help="where the npm packages are")
    parser.add_argument("--out", type=Path, required=True, help="where the stubs are written")
    options = parser.parse_args()
    generate(options.proto_root, options.node, options.node_modules, options.out)
