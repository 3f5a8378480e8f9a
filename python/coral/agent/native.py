"""The native kernel's library: `coral/_native/libcoral.so`, by ctypes and the Arrow C data interface.

`python/native` has its source and its contract. It is used where it is there (the wheels for Linux) and
`CORAL_NATIVE` is not `0`. Its users are `decode/kernel.py` and `rollup/kernel.py`; each has a library path
for where it is not.
"""

from __future__ import annotations

import ctypes
import logging
import os
from functools import cache
from typing import Final

from coral.config import paths

_log = logging.getLogger(__name__)
_ABI_VERSION: Final = 2
OK, MALFORMED, NO_MEMORY, TOO_LARGE = range(4)
"""What its functions answer."""


class ArrowArray(ctypes.Structure):
    """`struct ArrowArray`; only its size and `release` matter here."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("length", "null_count", "offset", "n_buffers", "n_children")),
        *(
            (name, ctypes.c_void_p)
            for name in ("buffers", "children", "dictionary", "release", "private_data")
        ),
    )


@cache
def native_library() -> ctypes.CDLL | None:
    """The loaded library, or None where the library path is to be taken."""
    path = paths.native_library()
    if path is None or not os.path.exists(path):
        return None
    try:
        library = ctypes.CDLL(path)
        version = library.coral_abi_version()
    except (OSError, AttributeError) as error:
        _log.warning("the native kernel is not used, all is slower: %s", error)
        return None
    if version != _ABI_VERSION:
        _log.warning(
            "the native kernel is not used, all is slower: %s has the interface version %d, expected %d",
            *(path, version, _ABI_VERSION),
        )
        return None
    return library
