"""Takes over a script's process that was started before this Python (`python/native/starter/coral.c`).

The command `coral` on Linux looks for the plan by which the same command line was started the last time,
starts Deno by it, behind all its walls, and becomes this process. Deno waits at a gate, a named pipe that the
guard reads before the script begins. Here everything is worked out as ever; only if the plan comes out the
same to the byte does the gate open, with the connection of this run. Else that process is killed and another
one is started.

Who holds the lock on a gate is the only one whose script may wait at it, or read it at all.
"""

from __future__ import annotations

import os

from coral.runner.containment.launch import Walls, launch, plan
from coral.runner.policy import CONNECTION, GATE_MARK

VARIABLE = "CORAL_HEAD_START"  # `0` from the user: none is wanted
# What a pipe takes as a whole or not at all (PIPE_BUF).
_MOST_BYTES = 4096
_SIGKILL = 9


class HeadStart:
    """What the command `coral` has prepared for this run.

    Attributes:
        path: Where the plan of this command line is, or will be.
        gate: Path of its gate.
        pipes: What the process writes into instead of a terminal: the two ends of each, in the order of
            `coral.runner.relay`.
    """

    __slots__ = ("_gate", "_pid", "_plan", "gate", "path", "pipes")

    def __init__(self, told: str) -> None:
        """Takes what the command told: process id (0 for none), six descriptors (-1 for none), path.

        Raises:
            ValueError: The command did not tell that.
            OSError: It is not of this process: it was told to another one.
        """
        *numbers, path = told.split(" ", 7)
        pid, gate, plan, read_1, write_1, read_2, write_2 = map(int, numbers)
        self.path = os.path.normpath(path)
        self.gate = f"{self.path}.gate"
        self._pid, self._gate, self._plan = pid, gate, plan
        self.pipes = [pair for pair in ((read_1, write_1), (read_2, write_2)) if pair[0] >= 0]
        for descriptor in (gate, plan, read_1, write_1, read_2, write_2):
            if descriptor >= 0:
                os.set_inheritable(descriptor, False)
        if self._pid and os.waitpid(self._pid, os.WNOHANG)[0]:
            self._pid = 0  # it has ended: what is wrong with it, the next one will say

    def suits(self, base: str, folder: str) -> bool:
        """Says whether a run can have it; its gate is there then, and locked by this run.

        Args:
            base: The directory that Python has chosen for the cache, and found to be this user's own.
            folder: Real path of the script's folder, of which it may read what it likes.
        """
        starts = os.path.dirname(self.path)
        if os.path.dirname(starts) != os.path.normpath(base) or "," in self.gate:
            return False
        inside = os.path.realpath(starts) + "/"
        own = folder.rstrip("/") + "/"
        # Below a hidden folder it is left alone, as in ~/.cache for a script in the home folder.
        if inside.startswith(own) and "/." not in inside[len(own) - 1 :]:
            return False
        if self._gate < 0:
            from coral.runner.head_start_file import open_gate

            self._gate = open_gate(self.gate)
        return self._gate >= 0

    def spawn(
        self, argv: list[str], environment: dict[str, str], walls: Walls, *, own_group: bool
    ) -> tuple[int, list[str]]:
        """Lets the script's process begin, or starts one; keeps the plan for the next time.

        Args:
            argv: Path of the program and its arguments.
            environment: Its whole environment, the connection included.
            walls: What to put around it.
            own_group: Whether it leads a process group of its own.

        Returns:
            Its process id, and what the kernel refused.

        Raises:
            OSError: It cannot be started.
        """
        waiting = plan(argv, {**environment, CONNECTION: GATE_MARK + self.gate}, walls, own_group)
        if self._pid and self._planned() == waiting and self._open(environment[CONNECTION]):
            pid, self._pid = self._pid, 0
            return pid, []
        self.give_up()
        pid, refused = launch(argv, environment, walls, own_group=own_group)
        if not refused and not argv[0].startswith("/proc/"):
            from coral.runner.head_start_file import keep

            keep(self.path, waiting)
        return pid, refused

    def _planned(self) -> bytes:
        return os.pread(self._plan, os.fstat(self._plan).st_size, 0)

    def _open(self, connection: str) -> bool:
        given = os.fsencode(connection) + b"\n"
        if len(given) > _MOST_BYTES:
            return False
        try:
            return os.write(self._gate, given) == len(given)
        except BlockingIOError:
            return False  # this user has so many pipes that they are made small

    def give_up(self) -> None:
        """Ends the process that was started, if it still waits."""
        if self._pid:
            try:
                os.kill(self._pid, _SIGKILL)
                os.waitpid(self._pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass  # it has ended in the meantime
            self._pid = 0


def take() -> HeadStart | None:
    """Returns what the command has told, once; None where this Python was started otherwise."""
    told = os.environ.pop(VARIABLE, "0")
    try:
        return None if told == "0" else HeadStart(told)
    except (ValueError, OSError):
        return None
