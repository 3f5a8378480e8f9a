"""Work that may wait: it has less right to the processor than queries and commits."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import Final

_NICE: Final = 10


def give_way() -> None:
    """Lowers the priority of the calling thread for good, where the system has one for each thread."""
    if sys.platform == "linux":
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
