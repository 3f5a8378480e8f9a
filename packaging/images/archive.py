"""An archive that `docker load`, `podman load` and `ctr images import` take."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from entries import EPOCH

_CREATED = "2020-01-01T00:00:00Z"


@dataclass(frozen=True)
class Image:
    """One image.

    Attributes:
        name: With its tag.
        layers: Tars, the lowest first.
        settings: The part `config` of an image's configuration, as Docker and OCI have it.
        says: What each layer is, for `docker history`.
    """

    name: str
    layers: Sequence[bytes]
    says: Sequence[str]
    settings: Mapping[str, Any]


def write_archive(path: Path, images: Sequence[Image], architecture: str) -> dict[str, Any]:
    """Writes the archive, the same bytes every time.

    Returns:
        By name, each image's id and the bytes of its layers.
    """
    report: dict[str, Any] = {}
    listed, written = [], set()
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for image in images:
            digests = [hashlib.sha256(layer).hexdigest() for layer in image.layers]
            for digest, layer in zip(digests, image.layers, strict=True):
                if digest not in written:
                    written.add(digest)
                    _add(archive, f"{digest}.tar", layer)
            configuration = json.dumps(_configuration(image, digests, architecture), sort_keys=True).encode()
            digest = hashlib.sha256(configuration).hexdigest()
            _add(archive, f"{digest}.json", configuration)
            layers = [f"{layer}.tar" for layer in digests]
            listed.append({"Config": f"{digest}.json", "RepoTags": [image.name], "Layers": layers})
            sizes = dict(zip(image.says, map(len, image.layers), strict=True))
            report[image.name] = {"id": f"sha256:{digest}", "bytes": sum(sizes.values()), "layers": sizes}
        _add(archive, "manifest.json", json.dumps(listed).encode())
    return report


def _configuration(image: Image, digests: Sequence[str], architecture: str) -> dict[str, Any]:
    return {
        "architecture": architecture,
        "os": "linux",
        "created": _CREATED,
        "config": dict(image.settings),
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
        "history": [{"created": _CREATED, "created_by": what} for what in image.says],
    }


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mtime = len(data), EPOCH
    archive.addfile(member, io.BytesIO(data))
