from __future__ import annotations

import random
from datetime import datetime, timedelta

import pyarrow as pa
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2

from coral._proto.colony.v1 import fleet_pb2
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
from coral.limits import MAX_BATCH_BYTES
from coral.wire.arrow import conform, from_ipc, to_ipc
from coral.wire.batches import BATCH_TABLES, chunk_groups, read_chunk
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


_SAMPLE = {
    pa.string(): "x",
    pa.int64(): 1,
    pa.float64(): 1.0,
    pa.timestamp("us"): datetime(2026, 11, 23),
}
AB = pa.schema([pa.field("a", pa.int64(), nullable=False), pa.field("b", pa.string())])


def read(data: bytes) -> pa.Table:
    return conform(from_ipc(data, what="rows"), AB, what="rows")


def test_tables_survive_are_cast_and_lose_what_is_unknown() -> None:
    table = pa.table({"a": pa.array([1, 2], pa.int32()), "b": ["x", None], "more": ["y", "z"]})
    assert read(to_ipc(table)).to_pylist() == [{"a": 1, "b": "x"}, {"a": 2, "b": None}]


def test_a_missing_column_that_may_be_null_is_null() -> None:
    assert read(to_ipc(pa.table({"a": [1]}))).to_pylist() == [{"a": 1, "b": None}]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"garbage",
        to_ipc(pa.table({"b": ["x"]})),
        to_ipc(pa.table({"a": ["x"]})),
        to_ipc(pa.table({"a": [1, None]})),
        to_ipc(pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])),
    ],
)
def test_tables_that_do_not_fit_are_refused(data: bytes) -> None:
    with pytest.raises(UsageError, match="the rows are not readable"):
        read(data)


def test_an_older_agents_spans_and_metrics_are_read() -> None:
    old = pa.table({name: pa.nulls(0, kind) for name, kind in [("unknown", pa.int8())]})
    with pytest.raises(UsageError, match="'trace_id' is there 0 times"):
        read_chunk(fleet_pb2.TableChunk(table="spans", arrow_ipc=to_ipc(old)))
    required = [field for field in BATCH_TABLES["spans"] if not field.nullable]
    rows = pa.table(
        [pa.array([_SAMPLE[field.type]], field.type) for field in required], schema=pa.schema(required)
    )
    found = read_chunk(fleet_pb2.TableChunk(table="spans", arrow_ipc=to_ipc(rows)))
    assert found.schema == BATCH_TABLES["spans"]
    assert found.column("events").to_pylist() == [None]


def test_large_tables_become_several_groups_and_read_back_whole() -> None:
    count = 60
    noise = [random.Random(number).randbytes(1 << 18).hex() for number in range(count)]
    rows = pa.table(
        {
            "service_name": [str(number) for number in range(count)],
            "instance_id": ["i"] * count,
            "attributes": noise,
            "last_seen": pa.array([0] * count, pa.timestamp("us")),
        }
    )
    groups = list(chunk_groups({"resources": rows}))
    assert len(groups) > 1
    assert all(sum(len(chunk.arrow_ipc) for chunk in group) <= MAX_BATCH_BYTES for group in groups)
    found = pa.concat_tables([read_chunk(chunk) for group in groups for chunk in group])
    assert found.column("attributes").to_pylist() == noise


def test_page_tokens_survive_and_foreign_ones_are_refused() -> None:
    assert decode_token(encode_token(5, "x"), (int, str)) == (5, "x")
    assert decode_token("", (int,)) is None
    for token in ("%%%", "AAAA", encode_token("x"), encode_token(1, 2)):
        with pytest.raises(UsageError, match="page_token"):
            decode_token(token, (int, str))
