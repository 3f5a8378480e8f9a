"""Memory, threads and output of a child, measured from outside.

The kernel tells them in `/proc/PID`; reading both files takes 60 us. A control group holds memory and
threads better, for between two looks a script may take what the machine gives; so the first look asks for
one. What it prints, no control group counts.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_TICK_SECONDS = 0.05
_SHORT_TICK_SECONDS = 0.005
_FLOOD_BYTES = 1 << 20
_FLOOD_LOOKS = 40
_NEAR = 4  # a quarter of the limit

_MEMORY = ("RssAnon:", "RssShmem:", "VmSwap:")


class Watchdog:
    """Looks at one process.

    Args:
        pid: Of the process.
        memory_bytes: What it may take, or None.
        tasks: Threads that it may have, or None.
        output_bytes: What it may write to files, pipes and sockets, or None.
        settle: Called at the first look with the process and the memory that it has.
        held: Returns the controllers of its control group that are in force.

    Attributes:
        tick: Seconds until the next look; fewer while much is printed, or memory is near its limit and
            nothing else holds it.
    """

    __slots__ = (
        "_held",
        "_looks",
        "_memory_bytes",
        "_output_bytes",
        "_pid",
        "_settle",
        "_tasks",
        "_written_before",
        "tick",
    )

    def __init__(
        self,
        pid: int,
        *,
        memory_bytes: int | None,
        tasks: int | None,
        output_bytes: int | None,
        settle: Callable[[int, int], None] | None = None,
        held: Callable[[], list[str]] | None = None,
    ) -> None:
        self.tick = _TICK_SECONDS
        self._written_before = 0
        self._looks = 0
        self._settle = settle
        self._held = held
        self._pid = pid
        self._memory_bytes = memory_bytes
        self._tasks = tasks
        self._output_bytes = output_bytes

    def exceeded(self) -> str | None:
        """Returns which limit is exceeded: `memory`, `tasks` or `output`; None where all is well."""
        try:
            self.tick = _TICK_SECONDS
            if self._output_bytes is not None:
                written = self._written()
                if written > self._output_bytes:
                    return "output"
                if written - self._written_before > _FLOOD_BYTES:
                    self.tick = _SHORT_TICK_SECONDS
                self._written_before = written
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
        # Settling takes 10 ms or more, in which a flood is not looked at; that is over soon anyway.
        self._looks += 1
        if self._settle is not None and (self.tick == _TICK_SECONDS or self._looks > _FLOOD_LOOKS):
            settle, self._settle = self._settle, None
            settle(self._pid, memory)
        if self._memory_bytes is not None:
            if memory > self._memory_bytes:
                return "memory"
            # A native function fills 100 MB between two looks: near the limit there are more of them.
            near = memory > self._memory_bytes // _NEAR
            if near and (self._held is None or "memory" not in self._held()):
                self.tick = _SHORT_TICK_SECONDS
        threads = next((int(line.split()[1]) for line in lines if line.startswith("Threads:")), 0)
        return "tasks" if self._tasks is not None and threads > self._tasks else None
