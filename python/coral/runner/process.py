"""The child process: it inherits stdin, stdout and stderr as they are.

It ends by itself, by a signal or by the time limit.
`subprocess` costs 10-20 ms of every run, so this forks itself and uses a wake-up pipe.
"""

from __future__ import annotations

import os
import time

from coral.errors import RuntimeMissingError, refuse_on_windows
from coral.runner.containment.launch import SIGKILL, Walls, launch, signal
from coral.script_limits import STOP_SECONDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from coral.errors import CoralError
    from coral.runner.containment.confine import Confinement
    from coral.runner.containment.watchdog import Watchdog
    from coral.runner.head_start import HeadStart

DENO_FAILED = 1
"""Exit code of Deno for a script that threw, that it could not load, and where it could not start itself."""

_GRACE_SECONDS = 1.5
_PIPE_GRACE_SECONDS = 0.3
_HINT_SECONDS = 1.0
_NO_PROGRAM = 8  # ENOEXEC
_FORWARDED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")


class Ended:
    """How a child ended.

    Attributes:
        code: Its exit code; 128 + n after signal n.
        signal: The signal that ended it, or 0.
        timed_out: Whether the time limit ended it.
        exceeded: The other limit that ended it: `memory`, `tasks` or `output`; None for none.
        pipe_closed: Whether it was ended because nobody reads its stdout any more.
        missing: Layers around it that were not in force and why, one line each.
        report_failure: Why its report could not be written (`--html`); None where it was, or none was wanted.
    """

    __slots__ = ("code", "exceeded", "missing", "pipe_closed", "report_failure", "signal", "timed_out")

    def __init__(
        self,
        code: int,
        signal_number: int,
        *,
        timed_out: bool,
        exceeded: str | None,
        pipe_closed: bool,
        missing: list[str],
    ) -> None:
        self.code = code
        self.signal = signal_number
        self.timed_out = timed_out
        self.exceeded = exceeded
        self.pipe_closed = pipe_closed
        self.missing = missing
        self.report_failure: CoralError | None = None


def refuse_scripts() -> None:
    """Refuses where nothing here knows how to start, limit and end a script.

    Raises:
        UnsupportedError: This is such a system.
    """
    hint = "use WSL; what asks a colony without a script works here: coral query, coral services"
    refuse_on_windows("scripts", hint)


def run_child(
    argv: list[str],
    environment: dict[str, str],
    time_limit: float | None,
    confinement: Confinement | None = None,
    waiting: tuple[float, Callable[[], None]] | None = None,
    head_start: HeadStart | None = None,
) -> Ended:
    """Runs a program to its end.

    Signals that ask this process to stop are passed on, and the child's end decides. Ctrl-C twice kills; of
    the other signals the second does, or the time that a script may clean up after the first. At the time
    limit the child's group gets SIGTERM, 1.5 seconds later SIGKILL; at another limit SIGKILL follows at
    once, for a process without memory cannot tidy up.

    Args:
        argv: Path of the program and its arguments.
        environment: Its whole environment.
        time_limit: Seconds, or None.
        confinement: The operating system's walls around it; the caller closes it.
        waiting: After so many seconds, what to call once.
        head_start: What may have been started for it already.

    Raises:
        RuntimeMissingError: The program cannot be started.
        UnsupportedError: This system runs no scripts.
    """
    refuse_scripts()
    # With a terminal as stdin the child stays in our group, so that Ctrl-C, Ctrl-Z and reading from
    # the terminal work as for any command. It has no right to start processes of its own.
    own_group = not os.isatty(0)
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_read, False)
    os.set_blocking(wake_write, False)
    received: list[int] = []

    def note(number: int, frame: object) -> None:
        received.append(number)

    before = {signal.SIGCHLD: signal.signal(signal.SIGCHLD, lambda number, frame: None)}
    for name in _FORWARDED:
        number = getattr(signal, name)
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup and "&" mean what they say
            before[number] = signal.signal(number, note)
    previous_wakeup = signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    try:
        walls = Walls(None) if confinement is None else confinement.walls
        start = launch if head_start is None else head_start.spawn
        pid, refused = _started(start, argv, environment, walls, own_group)
        watchdog = None if confinement is None else confinement.started(pid)
        child = _Child(pid, own_group, received, wake_read, watchdog, waiting)
        ended = child.wait(time_limit)
        if confinement is not None:
            ended.missing = [*confinement.missing, *refused]
            if ended.exceeded is None and ended.signal == SIGKILL and confinement.killed_for_memory():
                ended.exceeded = "memory"
        return ended
    finally:
        signal.set_wakeup_fd(previous_wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(wake_read)
        os.close(wake_write)


def _started(
    start: Callable[..., tuple[int, list[str]]],
    argv: list[str],
    environment: dict[str, str],
    walls: Walls,
    own_group: bool,
) -> tuple[int, list[str]]:
    try:
        return start(argv, environment, walls, own_group=own_group)
    except OSError as error:
        hint = "coral doctor tells what this machine has of the sandbox"
        if isinstance(error, FileNotFoundError | PermissionError):
            hint = "set CORAL_CACHE_DIR to a directory from which programs may be started"
        elif error.errno == _NO_PROGRAM:
            from coral.runner.binary import DAMAGED_HINT

            hint = DAMAGED_HINT
        raise RuntimeMissingError(f"{argv[0]} cannot be started: {error.strerror}", hint=hint) from None


def _say_how_it_ends() -> None:
    os.write(2, b"coral: the script has not ended yet; Ctrl-C again ends it at once\n")


class _Child:
    def __init__(
        self,
        pid: int,
        own_group: bool,
        received: list[int],
        wake_read: int,
        watchdog: Watchdog | None,
        waiting: tuple[float, Callable[[], None]] | None,
    ) -> None:
        self._watchdog = watchdog
        self._waiting = waiting
        self._exceeded: str | None = None
        self._pid = pid
        self._own_group = own_group
        self._received = received
        self._wake_read = wake_read
        self._look_at: float | None = None
        self._kill_at: float | None = None
        self._passed_on: set[int] = set()
        self._killed_for = 0  # the signal that it did not obey
        self._pipe_closed = False
        self._watches_stdout = True

    def wait(self, time_limit: float | None) -> Ended:
        start = time.monotonic()
        if self._watchdog is not None:
            # Not at once: the first look makes a control group, for which a process that starts its
            # threads would wait 5 ms or more.
            self._look_at = start + self._watchdog.tick
        limit_at = None if time_limit is None else start + time_limit
        if self._waiting is not None:
            self._waiting = (start + self._waiting[0], self._waiting[1])
        timed_out = False
        while True:
            ended, status = os.waitpid(self._pid, os.WNOHANG)
            if ended:
                break
            now = time.monotonic()
            if limit_at is not None and now >= limit_at:
                timed_out, limit_at = True, None
                self._send(signal.SIGTERM)
                self._kill_at = now + _GRACE_SECONDS
            if self._kill_at is not None and now >= self._kill_at:
                self._send(signal.SIGKILL)
                self._kill_at = None
            if self._waiting is not None and now >= self._waiting[0]:
                self._waiting[1]()
                self._waiting = None
            if self._look_at is not None and now >= self._look_at:
                self._look()
            self._pass_on()
            self._sleep(limit_at)
            if self._pipe_closed and self._kill_at is None:
                # Deno ignores EPIPE: a script that prints would print for ever.
                self._send(signal.SIGTERM)
                self._kill_at = time.monotonic() + _PIPE_GRACE_SECONDS
        if self._own_group:
            self._send(signal.SIGKILL)  # nothing of the group may outlive its leader
        code = os.waitstatus_to_exitcode(status)
        if code == -SIGKILL and self._kill_at is None and self._killed_for and not timed_out:
            code = -self._killed_for
        return Ended(
            code if code >= 0 else 128 - code,
            max(0, -code),
            timed_out=timed_out,
            exceeded=self._exceeded,
            pipe_closed=self._pipe_closed,
            missing=[],
        )

    def _look(self) -> None:
        assert self._watchdog is not None, "it says when to look"
        self._exceeded = self._watchdog.exceeded()
        self._look_at = time.monotonic() + self._watchdog.tick
        if self._exceeded is not None:
            self._look_at = None
            self._send(signal.SIGKILL)

    def _pass_on(self) -> None:
        while self._received:
            number = self._received.pop(0)
            again = number in self._passed_on
            self._passed_on.add(number)
            if again:
                self._kill_at, self._killed_for = time.monotonic(), number
            elif number != signal.SIGINT:
                self._send(number)
                if self._kill_at is None:  # who sends these does not look whether it ends
                    self._kill_at, self._killed_for = time.monotonic() + STOP_SECONDS, number
            else:
                # A script may clean up for as long as it likes; a second Ctrl-C ends that.
                if not self._own_group:
                    self._waiting = (time.monotonic() + _HINT_SECONDS, _say_how_it_ends)
                if self._own_group:  # else the terminal has sent it to the child too
                    self._send(signal.SIGINT)

    def _sleep(self, limit_at: float | None) -> None:
        waiting_at = None if self._waiting is None else self._waiting[0]
        all_moments = (limit_at, self._kill_at, waiting_at, self._look_at)
        moments = [moment for moment in all_moments if moment is not None]
        timeout = max(0.0, min(moments) - time.monotonic()) if moments else None
        import select  # by now the child starts: this costs it nothing

        poll = select.poll()
        poll.register(self._wake_read, select.POLLIN)
        if self._watches_stdout:
            poll.register(1, 0)  # tells of an error only: of a pipe that lost its reader
        for descriptor, events in poll.poll(None if timeout is None else timeout * 1000):
            if descriptor == 1:
                self._pipe_closed = bool(events & select.POLLERR)
                self._watches_stdout = False
        try:
            os.read(self._wake_read, 512)
        except BlockingIOError:
            pass  # the time is up, no signal came

    def _send(self, number: int) -> None:
        try:
            if self._own_group:
                os.killpg(self._pid, number)
            else:
                os.kill(self._pid, number)
        except ProcessLookupError:
            pass  # it ended in the meantime
