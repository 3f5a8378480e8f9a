"""Times and durations between protobuf messages and Python.

Inside Coral, times are naive UTC `datetime` (DuckDB's TIMESTAMP) and durations are integer
nanoseconds.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from coral.errors import UsageError


def to_timestamp(time: datetime) -> Timestamp:
    """A protobuf timestamp of a naive UTC time."""
    message = Timestamp()
    message.FromDatetime(time.replace(tzinfo=UTC))
    return message


def from_timestamp(message: Timestamp) -> datetime:
    """A naive UTC time, cut to microseconds."""
    return message.ToDatetime()


def to_duration(nanoseconds: int) -> Duration:
    """A protobuf duration of nanoseconds."""
    message = Duration()
    message.FromNanoseconds(nanoseconds)
    return message


def window_of(message: Duration, *, present: bool, default: timedelta, name: str = "window") -> timedelta:
    """A window from a request.

    Args:
        message: The field.
        present: Whether it was set.
        default: What an absent field means.
        name: The field's name, for the error.

    Raises:
        UsageError: The window is not positive or longer than ten years.
    """
    if not present:
        return default
    window = timedelta(microseconds=message.ToNanoseconds() / 1000)
    if not timedelta(0) < window <= timedelta(days=3660):
        raise UsageError(
            f"{name} is {window.total_seconds():g} s, expected more than 0 and at most ten years",
            hint='write it as "5m" or "1h"',
        )
    return window
