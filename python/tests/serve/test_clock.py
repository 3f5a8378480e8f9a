from __future__ import annotations

from datetime import datetime, timedelta

from coral.clock import ClockWatch, FixedClock
from coral.serve.clock_jumps import ClockJumps

START = datetime(2026, 11, 24)


class Machine:
    """A wall clock and a monotonic one."""

    def __init__(self) -> None:
        self.wall = FixedClock(START)
        self.mark = 0.0
        self.watch = ClockWatch(self.wall, monotonic=lambda: self.mark)

    def passes(self, seconds: float, *, set_by: timedelta = timedelta(0)) -> timedelta | None:
        self.mark += seconds
        self.wall.advance(timedelta(seconds=seconds) + set_by)
        return self.watch.look()


def test_time_that_passes_and_a_clock_that_is_slewed_are_no_jumps() -> None:
    machine = Machine()
    assert machine.passes(3600) is None
    for _ in range(100):
        assert machine.passes(1, set_by=timedelta(seconds=0.5)) is None  # half as fast again, for long
    assert machine.watch.jumps == 0


def test_a_clock_that_is_set_is_told_once() -> None:
    machine = Machine()
    for jump in (timedelta(hours=1), timedelta(days=-3), timedelta(seconds=2)):
        assert machine.passes(1, set_by=jump) == jump
        assert machine.passes(1) is None
    assert machine.watch.jumps == 3


def test_a_jump_is_a_problem_for_an_hour() -> None:
    now = 0.0
    jumps = ClockJumps(monotonic=lambda: now)
    assert jumps() == []
    jumps.note(timedelta(minutes=-90))
    assert jumps() == ["The wall clock was set back by 1h30m; data around it lie in the wrong minutes."]
    now = 3601.0
    assert jumps() == []
