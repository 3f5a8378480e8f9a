"""Waiting for data ends at the right moment and names what is missing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from coral.demo.children import ChildError
from coral.demo.readiness import await_services
from coral.errors import NoDataError


def _nothing() -> None:
    """A check that finds every process alive."""


def test_it_waits_until_every_service_has_enough() -> None:
    answers: Iterator[dict[str, int]] = iter([{}, {"a": 5}, {"a": 9, "b": 4}, {"a": 9, "b": 5}])

    await_services(["a", "b"], lambda: next(answers), check=_nothing, enough=5)

    assert list(answers) == []


def test_little_data_is_good_enough_when_the_time_is_over() -> None:
    await_services(["a"], lambda: {"a": 1}, check=_nothing, enough=5, wait_seconds=0)


def test_a_service_without_data_is_named() -> None:
    with pytest.raises(NoDataError, match="knows nothing of b, c"):
        await_services(["a", "b", "c"], lambda: {"a": 9, "b": 0}, check=_nothing, wait_seconds=0)


def test_a_process_that_ended_stops_the_waiting() -> None:
    def check() -> None:
        raise ChildError("the agent ended with exit code 1")

    with pytest.raises(ChildError, match="the agent ended"):
        await_services(["a"], dict, check=check)
