"""The child process: it inherits stdin, stdout and stderr as they are.

It ends by itself, by a signal or by the time limit.
`subprocess` costs 10-20 ms of every run, so this uses `posix_spawn` and a wake-up pipe. And `signal`
costs 4 ms for its enums, so this takes the numbers from the C module behind it.
"""

from __future__ import annotations

import os
import sys
import time

from coral.errors import CoralError, RuntimeMissingError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    try:
        import _signal as signal
    except ImportError:  # another interpreter than CPython
        import signal

_GRACE_SECONDS = 2.0
_PIPE_GRACE_SECONDS = 0.3
_FORWARDED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
# Python ignores these, and a child would inherit that.
_DEFAULT_AGAIN = ("SIGPIPE", "SIGXFSZ")


class Ended:
    """How a child ended.

    Attributes:
        code: Its exit code; 128 + n after signal n.
        signal: The signal that ended it, or 0.
        timed_out: Whether the time limit ended it.
        pipe_closed: Whether it was ended because nobody reads its stdout any more.
    """

    __slots__ = ("code", "pipe_closed", "signal", "timed_out")

    def __init__(self, code: int, signal_number: int, timed_out: bool, pipe_closed: bool) -> None:
        self.pipe_closed = pipe_closed
        self.code = code
        self.signal = signal_number
        self.timed_out = timed_out


def run_child(argv: list[str], environment: dict[str, str], time_limit: float | None) -> Ended:
    """Runs a program to its end.

    Signals that ask this process to stop are passed on, and the child's end decides. Ctrl-C twice
    kills. At the time limit the child's group gets SIGTERM, two seconds later SIGKILL.

    Args:
        argv: Path of the program and its arguments.
        environment: Its whole environment.
        time_limit: Seconds, or None.

    Raises:
        RuntimeMissingError: The program cannot be started.
    """
    if sys.platform == "win32":
        raise CoralError("scripts cannot be run on Windows yet", hint="use WSL")
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
        pid = _spawn(argv, environment, own_group)
        return _Child(pid, own_group, received, wake_read).wait(time_limit)
    finally:
        signal.set_wakeup_fd(previous_wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(wake_read)
        os.close(wake_write)


def _spawn(argv: list[str], environment: dict[str, str], own_group: bool) -> int:
    for name in os.listdir("/dev/fd"):
        # What our own parent left open is no business of a script's.
        if int(name) > 2:
            try:
                os.set_inheritable(int(name), False)
            except OSError:
                pass  # the descriptor of the listing itself, closed again
    try:
        defaults = [getattr(signal, name) for name in _DEFAULT_AGAIN]
        if own_group:
            return os.posix_spawn(argv[0], argv, environment, setpgroup=0, setsigdef=defaults, setsigmask=[])
        return os.posix_spawn(argv[0], argv, environment, setsigdef=defaults, setsigmask=[])
    except OSError as error:
        raise RuntimeMissingError(
            f"{argv[0]} cannot be started: {error.strerror}",
            hint="set CORAL_CACHE_DIR to a directory from which programs may be started",
        ) from None


class _Child:
    def __init__(self, pid: int, own_group: bool, received: list[int], wake_read: int) -> None:
        self._pid = pid
        self._own_group = own_group
        self._received = received
        self._wake_read = wake_read
        self._kill_at: float | None = None
        self._interrupted = False
        self._pipe_closed = False
        self._watches_stdout = True

    def wait(self, time_limit: float | None) -> Ended:
        limit_at = None if time_limit is None else time.monotonic() + time_limit
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
            self._pass_on()
            self._sleep(limit_at)
            if self._pipe_closed and self._kill_at is None:
                # Deno ignores EPIPE: a script that prints would print for ever.
                self._send(signal.SIGTERM)
                self._kill_at = time.monotonic() + _PIPE_GRACE_SECONDS
        if self._own_group:
            self._send(signal.SIGKILL)  # nothing of the group may outlive its leader
        code = os.waitstatus_to_exitcode(status)
        return Ended(code if code >= 0 else 128 - code, max(0, -code), timed_out, self._pipe_closed)

    def _pass_on(self) -> None:
        while self._received:
            number = self._received.pop(0)
            if number != signal.SIGINT:
                self._send(number)
            elif self._interrupted:
                self._send(signal.SIGKILL)
            else:
                # A script may clean up for as long as it likes; a second Ctrl-C ends that.
                self._interrupted = True
                if self._own_group:  # else the terminal has sent it to the child too
                    self._send(signal.SIGINT)

    def _sleep(self, limit_at: float | None) -> None:
        moments = [moment for moment in (limit_at, self._kill_at) if moment is not None]
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
