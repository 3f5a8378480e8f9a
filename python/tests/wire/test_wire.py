from __future__ import annotations

from datetime import datetime, timedelta

import pyarrow as pa
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2

from coral.errors import (
    CoralError,
    DeniedError,
    LimitError,
    NoDataError,
    NotFoundError,
    OverloadedError,
    QueryError,
    StorageError,
    UnreachableError,
    UsageError,
)
from coral.wire.arrow import from_ipc, to_ipc
from coral.wire.page_tokens import decode_token, encode_token
from coral.wire.status import _from_details, to_status
from coral.wire.times import from_timestamp, to_timestamp, window_of


@pytest.mark.parametrize(
    "kind",
    [
        NoDataError,
        NotFoundError,
        UsageError,
        DeniedError,
        QueryError,
        LimitError,
        OverloadedError,
        StorageError,
        UnreachableError,
    ],
)
def test_an_error_survives_the_wire(kind: type[CoralError]) -> None:
    sent = kind("it failed", hint="do this", fields={"service": "payments"})
    got = _from_details(to_status(sent).SerializeToString())
    assert type(got) is kind
    assert (got.message, got.hint, got.fields) == (sent.message, sent.hint, sent.fields)


def test_the_reason_is_readable_in_other_languages() -> None:
    info = error_details_pb2.ErrorInfo()
    assert to_status(NoDataError("x")).details[0].Unpack(info)
    assert (info.domain, info.reason) == ("coral", "NO_DATA")


def test_times_keep_microseconds() -> None:
    time = datetime(2026, 11, 23, 1, 2, 3, 456789)
    assert from_timestamp(to_timestamp(time)) == time


@pytest.mark.parametrize("seconds", [0, -1, 400_000_000_0])
def test_windows_out_of_range_are_refused(seconds: int) -> None:
    with pytest.raises(UsageError, match="window is"):
        window_of(Duration(seconds=seconds), present=True, default=timedelta(1))


def test_tables_survive_and_are_cast() -> None:
    table = pa.table({"a": pa.array([1, 2], pa.int32()), "more": ["x", "y"]})
    expected = pa.schema([("a", pa.int64())])
    assert from_ipc(to_ipc(table), expected=expected, what="t").to_pylist() == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    "data", [b"", b"garbage", to_ipc(pa.table({"b": [1]})), to_ipc(pa.table({"a": ["x"]}))]
)
def test_tables_that_do_not_fit_are_refused(data: bytes) -> None:
    with pytest.raises(UsageError, match="the rows are not readable"):
        from_ipc(data, expected=pa.schema([("a", pa.int64())]), what="rows")


def test_page_tokens_survive_and_foreign_ones_are_refused() -> None:
    assert decode_token(encode_token(5, "x"), (int, str)) == (5, "x")
    assert decode_token("", (int,)) is None
    for token in ("%%%", "AAAA", encode_token("x"), encode_token(1, 2)):
        with pytest.raises(UsageError, match="page_token"):
            decode_token(token, (int, str))
