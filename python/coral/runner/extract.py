"""Unpacks the package's Deno, once, safe against other first runs at the same time.

Under a lock: decompress into a temporary file of the target directory, hash while writing, make it
read-only and executable, fsync, rename. Nobody ever sees a half-written binary under its final name.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import IO

import zstandard

from coral.errors import RuntimeMissingError
from coral.printing import say, tell
from coral.runner import places
from coral.runner.binary import Manifest, intact
from coral.runner.places import deno_package

_CHUNK_BYTES = 1 << 20
_LOCK_SECONDS = 120
_NOEXEC = "programs may not be started from there (noexec)"
_in_memory: dict[str, str] = {}
_REINSTALL = "reinstall Coral (pip install --force-reinstall coral), or set CORAL_DENO_PATH to a Deno binary"


def extract(manifest: Manifest, bases: list[str], *, quiet: bool = False) -> str:
    """Unpacks Deno into the first base directory that takes it.

    Args:
        manifest: What the archive must hold.
        bases: Base directories in the order of preference.
        quiet: Whether nothing is said of it on stderr.

    Returns:
        The path of the binary.

    Raises:
        RuntimeMissingError: The archive is absent or damaged, or no place takes the binary.
    """
    archive = os.path.join(deno_package(), "deno.zst")
    if not os.path.exists(archive):
        raise RuntimeMissingError(f"{archive} is missing", hint=_REINSTALL)
    tried = []
    for base in bases:
        problem = places.usable(base)
        if problem is None:
            try:
                return _extract_below(base, archive, manifest, quiet)
            except OSError as error:  # full disk, quota, no locks, noexec
                problem = error.strerror or str(error)
        tried.append(f"{base}: {problem}")
    if sys.platform == "linux":
        try:
            return _extract_to_memory(archive, manifest, None if quiet else tried)
        except OSError as error:
            tried.append(f"memory: {error.strerror or error}")
    raise RuntimeMissingError(
        f"Deno {manifest.version} cannot be unpacked ({'; '.join(tried)})",
        hint=f"set CORAL_CACHE_DIR to a directory with {manifest.size // 1_000_000} MB of room"
        " from which programs may be started",
    )


def _extract_below(base: str, archive: str, manifest: Manifest, quiet: bool) -> str:
    import filelock

    target = manifest.below(base)
    directory = os.path.dirname(target)
    os.makedirs(directory, mode=0o700, exist_ok=True)
    if sys.platform != "win32" and os.statvfs(directory).f_flag & os.ST_NOEXEC:
        raise OSError(None, _NOEXEC)
    try:
        with filelock.FileLock(directory + ".lock", timeout=_LOCK_SECONDS):
            if intact(target, manifest):
                return target  # another first run was faster
            _remove_leftovers(directory)
            with contextlib.nullcontext() if quiet else _progress(manifest):
                _write(directory, target, archive, manifest)
    except filelock.Timeout:
        raise OSError(None, f"another process held {directory}.lock for {_LOCK_SECONDS} s") from None
    if not os.access(target, os.X_OK):
        os.unlink(target)
        raise OSError(None, _NOEXEC)
    return target


def _write(directory: str, target: str, archive: str, manifest: Manifest) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=".unpack-", dir=directory)
    try:
        with open(descriptor, "wb") as file:
            _decompress(archive, file, manifest)
            file.flush()
            os.chmod(temporary, 0o555)
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
    if os.name != "posix":
        return  # Windows opens no folders
    parent = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)


def _decompress(archive: str, file: IO[bytes], manifest: Manifest) -> None:
    """Writes the raw binary and checks it against the manifest."""
    digest = hashlib.sha256()
    try:
        with open(archive, "rb") as packed:
            reader = zstandard.ZstdDecompressor(max_window_size=2**31).stream_reader(packed)
            while chunk := reader.read(_CHUNK_BYTES):
                digest.update(chunk)
                file.write(chunk)
    except zstandard.ZstdError as error:
        raise RuntimeMissingError(f"the archive {archive} is damaged: {error}", hint=_REINSTALL) from None
    if digest.hexdigest() != manifest.sha256:
        raise RuntimeMissingError(
            f"the archive {archive} is damaged: it holds sha256 {digest.hexdigest()},"
            f" expected {manifest.sha256}",
            hint=_REINSTALL,
        )


def _extract_to_memory(archive: str, manifest: Manifest, tried: list[str] | None) -> str:
    # The descriptor stays open (and close-on-exec) for the life of this process, so a child can be
    # started from our /proc entry without inheriting it.
    known = _in_memory.get(manifest.sha256)
    if known is not None:
        return known
    descriptor = os.memfd_create("coral-deno", os.MFD_CLOEXEC)
    if tried is not None:
        say(f"no directory takes Deno ({'; '.join(tried)}); it is unpacked into memory, each time anew")
    with open(descriptor, "wb", closefd=False) as file:
        _decompress(archive, file, manifest)
    os.fchmod(descriptor, 0o555)
    _in_memory[manifest.sha256] = f"/proc/{os.getpid()}/fd/{descriptor}"
    return _in_memory[manifest.sha256]


def _remove_leftovers(directory: str) -> None:
    """Removes what killed first runs left; we hold the lock, so nobody writes them now."""
    for name in os.listdir(directory):
        if name.startswith(".unpack-"):
            os.unlink(os.path.join(directory, name))


@contextlib.contextmanager
def _progress(manifest: Manifest) -> Iterator[None]:
    say(f"first run, unpacking Deno {manifest.version} ...", end="")
    start = time.monotonic()
    try:
        yield
    except BaseException as error:
        reason = f": {error.strerror}" if isinstance(error, OSError) and error.strerror else ""
        tell(f" failed{reason}")
        raise
    tell(f" done in {time.monotonic() - start:.1f} s")
