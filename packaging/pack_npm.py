"""Packs @coral/sdk as npm does (`package/...` in a .tgz), with the same bytes every time."""

from __future__ import annotations

import argparse
import gzip
import io
import json
import re
import tarfile
from pathlib import Path

# npm's own fixed time for reproducible tarballs: 1985-10-26T08:15:00Z.
_MTIME = 499162500


def pack(package_json: Path, version: str, bundle: Path, documents: list[Path], out: Path) -> None:
    """Writes the tarball: what `files` names of the bundle, the documents, package.json with `version`."""
    description = json.loads(package_json.read_text(encoding="utf-8"))
    description["version"] = version
    for private in ("private", "devDependencies", "scripts"):
        description.pop(private, None)
    files = {"package.json": (json.dumps(description, indent=2) + "\n").encode()}
    files |= {document.name: document.read_bytes() for document in documents}
    # The bundle also has what only the wheel carries.
    wanted = set(description["files"])
    for path in bundle.rglob("*"):
        place = path.relative_to(bundle)
        if path.is_file() and place.parts[0] in wanted:
            files[place.as_posix()] = _declarations(path.read_text(encoding="utf-8")).encode()
    # gzip's header would carry the time and the file's name.
    with (
        out.open("wb") as sink,
        gzip.GzipFile(filename="", mode="wb", fileobj=sink, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name in sorted(files):
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size, entry.mtime, entry.mode = len(files[name]), _MTIME, 0o644
            archive.addfile(entry, io.BytesIO(files[name]))


def _declarations(text: str) -> str:
    """`coral run` reads declarations as files, by their own names; Node's rules want the module's name."""
    return re.sub(
        r"""^((?:import|export) .*from "\.[^"]*)\.d\.ts(";)$""", r"\1.js\2", text, flags=re.MULTILINE
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--package-json", type=Path, required=True, help="the committed package.json")
    parser.add_argument("--version", required=True, help="the version to write into it")
    parser.add_argument("--bundle", type=Path, required=True, help="the folder with mod.js and types/")
    parser.add_argument("--out", type=Path, required=True, help="the tarball to write")
    parser.add_argument("documents", type=Path, nargs="*", help="README, licence")
    options = parser.parse_args()
    pack(options.package_json, options.version, options.bundle, options.documents, options.out)
