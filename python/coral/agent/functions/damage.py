"""What reading a damaged file raises."""

from __future__ import annotations

import struct
import zlib
from typing import Final

from elftools.common.exceptions import DWARFError, ELFError
from elftools.construct.core import ConstructError

DAMAGED: Final = (
    ELFError,
    DWARFError,
    ConstructError,
    struct.error,
    zlib.error,
    AssertionError,
    AttributeError,
    LookupError,
    OverflowError,
    TypeError,
    ValueError,
)
"""pyelftools checks little: what a damaged file leads to shows as any of these. `MemoryError` and
`RecursionError` are told by the worker."""
