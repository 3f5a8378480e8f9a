"""Puts the images together from the fetched Debian packages, the wheel and the wheelhouse; needs no Docker.

Writes an archive for `docker load`, and a report of what is in it. Where there is no base, the archive is
empty and the report says why: all else can be built and tested there.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from archive import Image, write_archive
from entries import USER, Entries, directory, read_tar, text, write_layer
from packages import Packages, install
from system import python_version, system

_SECOND = 1_000_000_000
_PATH = "PATH=/usr/local/bin:/usr/bin"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def _service(program: str, port: int, ports: list[int], environment: list[str]) -> dict[str, Any]:
    """Settings of a colony or an agent: data in one volume, the rest of the file system may be read-only."""
    return {
        "User": str(USER),
        "WorkingDir": "/var/lib/coral",
        "Env": [_PATH, "LANG=C.UTF-8", "HOME=/home/coral", "PYTHONUNBUFFERED=1", *environment],
        "Entrypoint": ["coral", program, "start"],
        "ExposedPorts": {f"{number}/tcp": {} for number in ports},
        "Volumes": {"/var/lib/coral": {}},
        "StopSignal": "SIGTERM",
        "Healthcheck": {
            "Test": ["CMD", "/usr/bin/python3", "-IS", "/usr/local/lib/coral/ready.py", str(port)],
            "Interval": 10 * _SECOND,
            "Timeout": 5 * _SECOND,
            "StartPeriod": 30 * _SECOND,
            "Retries": 3,
        },
    }


_COLONY = _service(
    "colony",
    4391,
    [9000, 9001, 4391],
    [
        "CORAL_COLONY_LISTEN=0.0.0.0:9000",
        "CORAL_COLONY_DATA=/var/lib/coral",
        "CORAL_COLONY_METRICS=0.0.0.0:4391",
    ],
)
_AGENT = _service(
    "agent",
    4390,
    [4317, 4318, 4390],
    [
        "CORAL_OTLP_GRPC=0.0.0.0:4317",
        "CORAL_OTLP_HTTP=0.0.0.0:4318",
        "CORAL_AGENT_DATA=/var/lib/coral",
        "CORAL_AGENT_METRICS=0.0.0.0:4390",
    ],
)
_COMMAND = {
    "User": str(USER),
    "WorkingDir": "/scripts",
    "Env": [_PATH, "LANG=C.UTF-8", "HOME=/home/coral"],
    "Entrypoint": ["coral"],
    "Cmd": ["--help"],
}

_BASE, _DEPENDENCIES, _CORAL, _DENO = "Debian: Python", "Python packages of the lock", "Coral", "Deno"


def build(version: str, names: list[str], parts: Packages, base: Entries) -> list[Image]:
    """The images that are asked for, by their names without a tag."""
    data = {"var/lib/coral": directory(0o700, USER)}
    ready = {"usr/local/lib/coral/ready.py": text(Path(__file__).with_name("ready.py").read_text())}
    shared = [
        write_layer(system(base, parts.all())),
        write_layer(parts.dependencies),
        write_layer(parts.coral | data | ready),
    ]
    said = [_BASE, _DEPENDENCIES, _CORAL]
    made = {
        "coral-colony": lambda: Image(f"coral-colony:{version}", shared, said, _COLONY),
        "coral-agent": lambda: Image(f"coral-agent:{version}", shared, said, _AGENT),
        "coral": lambda: _with_deno(f"coral:{version}", shared, said, parts.deno),
        # The wheel as pip leaves it; tests have its Deno unpacked by the first run.
        "coral-wheel": lambda: _with_deno(f"coral-wheel:{version}", shared, said, parts.packed_deno),
    }
    return [made[name]() for name in names]


def _with_deno(name: str, shared: list[bytes], said: list[str], deno: Entries) -> Image:
    layer = write_layer(deno | {"scripts": directory()})
    return Image(name, [*shared, layer], [*said, _DENO], _COMMAND)


def _platform(wheel: Path) -> str:
    (architecture,) = (name for tag, name in _ARCHITECTURES.items() if wheel.stem.endswith(tag))
    return architecture


def main() -> None:
    """Builds what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True, help="the tar of Debian packages")
    parser.add_argument(
        "--problem", type=Path, required=True, help="why there is no base; empty if there is one"
    )
    parser.add_argument("--wheel", type=Path, required=True, help="Coral's wheel")
    parser.add_argument("--wheelhouse", type=Path, required=True, help="the wheels of its dependencies")
    parser.add_argument("--version", required=True, help="the images' tag")
    parser.add_argument("--image", action="append", required=True, help="an image to make; repeatable")
    parser.add_argument("--out", type=Path, required=True, help="the archive to write")
    parser.add_argument("--report", type=Path, required=True, help="the report to write")
    options = parser.parse_args()
    report: Mapping[str, Any] = {}
    problem = options.problem.read_text()
    if not problem:
        base = read_tar(options.base)
        wanted, own = python_version(base), f"{sys.version_info.major}.{sys.version_info.minor}"
        if wanted != own:
            problem = (
                f"Debian's Python is {wanted}, the Python that builds is {own}, and wheels are for that one;"
                f" put Debian's python3 first in PATH"
            )
    if problem:
        options.out.write_bytes(b"")
    else:
        place = f"usr/local/lib/python{wanted}/dist-packages"
        images = build(
            options.version, options.image, install(options.wheel, options.wheelhouse, place), base
        )
        report = write_archive(options.out, images, _platform(options.wheel))
    document = {"problem": problem, "images": report}
    options.report.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
