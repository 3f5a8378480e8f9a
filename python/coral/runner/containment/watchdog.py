"""Memory, threads and output of a child, measured from outside.

The kernel tells them in `/proc/PID`; reading both files takes 60 us. A control group holds memory and
threads better: between two looks a script may take what the machine gives. What it prints, no control
group counts.
"""

from __future__ import annotations

TICK_SECONDS = 0.05

_MEMORY = ("RssAnon:", "RssShmem:", "VmSwap:")


class Watchdog:
    """Looks at one process.

    Args:
        pid: Of the process.
        memory_bytes: What it may take, or None where something else holds that.
        tasks: Threads that it may have, or None.
        output_bytes: What it may write to files, pipes and sockets, or None.
    """

    __slots__ = ("_memory_bytes", "_output_bytes", "_pid", "_tasks")

    def __init__(
        self, pid: int, *, memory_bytes: int | None, tasks: int | None, output_bytes: int | None
    ) -> None:
        self._pid = pid
        self._memory_bytes = memory_bytes
        self._tasks = tasks
        self._output_bytes = output_bytes

    def exceeded(self) -> str | None:
        """Returns which limit is exceeded: `memory`, `tasks` or `output`; None where all is well."""
        try:
            if self._output_bytes is not None and self._written() > self._output_bytes:
                return "output"
            if self._memory_bytes is not None or self._tasks is not None:
                return self._resident_or_threads()
        except (OSError, ValueError, IndexError):
            pass  # it has ended, or this system does not tell
        return None

    def _written(self) -> int:
        with open(f"/proc/{self._pid}/io", "rb", buffering=0) as file:
            text = file.read(1024)
        return int(text[text.index(b"wchar:") + 6 :].split(None, 1)[0])

    def _resident_or_threads(self) -> str | None:
        with open(f"/proc/{self._pid}/status", encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
        memory = 1024 * sum([int(line.split()[1]) for line in lines if line.startswith(_MEMORY)])
        if self._memory_bytes is not None and memory > self._memory_bytes:
            return "memory"
        threads = next((int(line.split()[1]) for line in lines if line.startswith("Threads:")), 0)
        return "tasks" if self._tasks is not None and threads > self._tasks else None
