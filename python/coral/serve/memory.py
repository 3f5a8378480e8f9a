"""Keeps a server's memory near what it uses: glibc's allocator would keep most of what was ever freed.

By default glibc makes up to eight arenas per core, one for each thread that allocates at the same time, and
returns memory of an arena only from its end. A server that decodes requests of all sizes in some threads
then holds several times what it uses: broken OTLP requests made an agent with 40 MB in use hold 230 MB, and
ever more. Two arenas and a trim now and then keep it flat. Arrow's own allocator keeps what each thread freed
likewise, so Arrow takes its memory from glibc as well. Where there is another C library, nothing is done.

Sources: mallopt(3), malloc_trim(3).
"""

from __future__ import annotations

import asyncio
import ctypes
import os
from typing import Final

_M_ARENA_MAX: Final = -8
_M_MMAP_THRESHOLD: Final = -3
_M_TRIM_THRESHOLD: Final = -1
_ARENAS: Final = 2
_MMAP_BYTES: Final = 4 * 1024 * 1024
_TRIM_BYTES: Final = 16 * 1024 * 1024
_TRIM_SECONDS: Final = 10.0


def bound_allocator() -> None:
    """Limits glibc's arenas of this process, and lets Arrow use them.

    Call it before there are threads, and before pyarrow is imported: the C++ library asks once. What an
    operator set by `MALLOC_ARENA_MAX` or `ARROW_DEFAULT_MEMORY_POOL` stays.
    """
    libc = _glibc()
    if libc is None:
        return
    if "MALLOC_ARENA_MAX" not in os.environ:
        libc.mallopt(_M_ARENA_MAX, _ARENAS)
    # glibc raises these by itself, up to 32 and 64 MiB, when large blocks are freed; said once, they stay.
    libc.mallopt(_M_MMAP_THRESHOLD, _MMAP_BYTES)
    libc.mallopt(_M_TRIM_THRESHOLD, _TRIM_BYTES)
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


async def keep_trimming(seconds: float = _TRIM_SECONDS) -> None:
    """Gives what is free inside the arenas back to the system, again and again, until cancelled.

    Args:
        seconds: Time between two trims; one takes some milliseconds, in a thread.
    """
    libc = _glibc()
    while True:
        await asyncio.sleep(seconds)
        if libc is not None:
            await asyncio.to_thread(libc.malloc_trim, 0)


def _glibc() -> ctypes.CDLL | None:
    """The C library of this process if it is glibc."""
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "gnu_get_libc_version") and hasattr(libc, "malloc_trim") else None
