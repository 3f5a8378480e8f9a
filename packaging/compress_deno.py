"""Compresses one platform's Deno binary into what the wheel carries: `deno.zst` and `manifest.json`.

Runs in an environment of its own (third_party/python/compress.lock) that has zstandard and nothing else.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import zstandard

# A window of 128 MiB finds repetitions across the whole binary and is the most a decoder takes unasked.
_WINDOW_LOG = 27


def _compressed(raw: bytes, level: int) -> bytes:
    parameters = zstandard.ZstdCompressionParameters.from_level(
        level,
        source_size=len(raw),
        window_log=_WINDOW_LOG,
        enable_ldm=True,
        # The result depends on whether there are threads, not on how many: at least one, always.
        threads=-1,
        write_checksum=True,
        write_content_size=True,
    )
    return zstandard.ZstdCompressor(compression_params=parameters).compress(raw)


def compress(binary: Path, facts: Path, level: int, out: Path) -> None:
    """Writes the archive of `binary` and its manifest into the folder `out`."""
    raw = binary.read_bytes()
    archive = _compressed(raw, level)
    manifest = json.loads(facts.read_text(encoding="utf-8"))
    manifest |= {
        "sha256": hashlib.sha256(raw).hexdigest(),
        "size": len(raw),
        "archive_sha256": hashlib.sha256(archive).hexdigest(),
        "archive_size": len(archive),
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "deno.zst").write_bytes(archive)
    (out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", type=Path, required=True, help="the raw Deno binary")
    parser.add_argument("--facts", type=Path, required=True, help="deno.json: version, platform and name")
    parser.add_argument("--level", type=int, required=True, help="zstd level, 1 to 22")
    parser.add_argument("--out", type=Path, required=True, help="the folder to fill")
    options = parser.parse_args()
    compress(options.binary, options.facts, options.level, options.out)
