from __future__ import annotations

import pytest

from coral.errors import UsageError
from coral.model.durations import parse_duration_ns


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [("500ms", 500_000_000), ("5m", 300 * 10**9), ("1h30m", 5400 * 10**9), ("0", 0), ("1.5s", 1_500_000_000)],
)
def test_durations_are_read(text: str, nanoseconds: int) -> None:
    assert parse_duration_ns(text) == nanoseconds


@pytest.mark.parametrize("text", ["", "5", "m5", "5 m", "-5m", "5m!", "5mm", "1e3s", "٥m5"])
def test_what_is_no_duration_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_duration_ns(text)
    assert repr(text) in caught.value.message
    assert caught.value.hint
