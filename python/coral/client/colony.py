"""`ColonyClient`: questions to a colony, answers as plain values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, TypeVar

import grpc
import pyarrow as pa

from coral._proto.colony.v1 import query_pb2 as pb
from coral._proto.colony.v1 import query_pb2_grpc
from coral.config.access import CLEAR, Access
from coral.errors import CoralError, UsageError
from coral.limits import (
    FUNCTIONS_QUESTION_SECONDS,
    LOGS_QUESTION_SECONDS,
    MAX_PAGE_SIZE,
    QUERY_TIMEOUT_CEILING_SECONDS,
)
from coral.wire.channels import open_channel
from coral.wire.status import from_rpc_error
from coral.wire.times import from_timestamp, to_duration, to_timestamp

T = TypeVar("T")
_CALL_TIMEOUT = 10.0


@dataclass(frozen=True)
class QueryResult:
    """The answer to a SQL statement.

    Attributes:
        columns: Name and DuckDB type of each column.
        rows: The rows as an Arrow table with these columns.
        completeness: What was cut or added.
    """

    columns: list[tuple[str, str]]
    rows: pa.Table
    completeness: pb.Completeness = field(default_factory=pb.Completeness)


@dataclass(frozen=True)
class ServiceInfo:
    """A service that the colony knows."""

    name: str
    last_seen: datetime
    instance_count: int


class ColonyClient:
    """A connection to a colony; a context manager.

    Every method raises `UnreachableError` when nothing answers, and the error that the colony named
    otherwise.
    """

    def __init__(self, address: str, access: Access = CLEAR) -> None:
        self.address = address
        self._access = access
        self._channel = open_channel(address, access)
        self._query = query_pb2_grpc.QueryServiceStub(self._channel)

    def __enter__(self) -> ColonyClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._channel.close()

    def services(self) -> list[ServiceInfo]:
        """All services that are known, by name."""
        found: list[ServiceInfo] = []
        token = ""
        while True:
            page = self._call(
                partial(
                    self._query.ListServices,
                    pb.ListServicesRequest(page_token=token),
                    timeout=_CALL_TIMEOUT,
                )
            )
            found += [
                ServiceInfo(item.name, from_timestamp(item.last_seen), item.instance_count)
                for item in page.services
            ]
            token = page.next_page_token
            if not token:
                return found

    def percentile_ns(
        self, service: str, percentile: float, *, metric: str = "", window_ns: int = 300_000_000_000
    ) -> float:
        """A quantile of a service's latency, nanoseconds."""
        request = pb.GetPercentileRequest(
            service=service, metric=metric, percentile=percentile, window=to_duration(window_ns)
        )
        return self._call(lambda: self._query.GetPercentile(request, timeout=_CALL_TIMEOUT)).value

    def error_rate(self, service: str, *, window_ns: int = 300_000_000_000) -> pb.GetErrorRateResponse:
        """Error rate and the counts behind it."""
        request = pb.GetErrorRateRequest(service=service, window=to_duration(window_ns))
        return self._call(lambda: self._query.GetErrorRate(request, timeout=_CALL_TIMEOUT))

    def trace(self, trace_id: str) -> Sequence[pb.Span]:
        """The known spans of a trace."""
        request = pb.GetTraceRequest(trace_id=trace_id)
        return self._call(lambda: self._query.GetTrace(request, timeout=_CALL_TIMEOUT)).spans

    def logs(self, request: pb.QueryLogsRequest, *, limit: int) -> pb.QueryLogsResponse:
        """Log records that match a request, newest first.

        Args:
            request: Which records; its `limit` and `page_token` are filled in.
            limit: Records at most, over as many pages as it takes.
        """
        asked, found = pb.QueryLogsRequest(), pb.QueryLogsResponse()
        asked.CopyFrom(request)
        while True:
            asked.limit = min(limit - len(found.records), MAX_PAGE_SIZE)
            page = self._call(
                partial(self._query.QueryLogs, asked, timeout=LOGS_QUESTION_SECONDS + _CALL_TIMEOUT)
            )
            found.records.extend(page.records)
            _merge(found.completeness, page.completeness)
            asked.page_token = page.next_page_token
            if not page.next_page_token or len(found.records) >= limit:
                found.completeness.rows_cut = page.completeness.rows_cut
                return found

    def functions(self, service: str, *, match: str = "") -> pb.ListFunctionsResponse:
        """All functions of a service whose names match a glob, by name; `next_page_token` is empty."""
        asked, found = pb.ListFunctionsRequest(service=service, match=match), pb.ListFunctionsResponse()
        while True:
            page = self._call(
                partial(self._query.ListFunctions, asked, timeout=FUNCTIONS_QUESTION_SECONDS + _CALL_TIMEOUT)
            )
            found.functions.extend(page.functions)
            _merge(found.completeness, page.completeness)
            found.completeness.rows_cut |= page.completeness.rows_cut
            asked.page_token = page.next_page_token
            if not page.next_page_token:
                return found

    def function(self, service: str, name: str) -> pb.Function:
        """One function of a service."""
        request = pb.GetFunctionRequest(service=service, name=name)
        timeout = FUNCTIONS_QUESTION_SECONDS + _CALL_TIMEOUT
        return self._call(lambda: self._query.GetFunction(request, timeout=timeout)).function

    def query(
        self,
        sql: str,
        *,
        params: Sequence[Any] = (),
        named_params: Mapping[str, Any] | None = None,
        max_rows: int = 0,
        timeout_ns: int | None = None,
    ) -> QueryResult:
        """Runs one SQL statement; `params` are the values of `?`, `named_params` those of `$name`."""
        request = pb.ExecuteQueryRequest(
            sql=sql,
            max_rows=max_rows,
            params=[to_sql_value(value) for value in params],
            named_params={name: to_sql_value(value) for name, value in (named_params or {}).items()},
        )
        if timeout_ns is not None:
            request.timeout.CopyFrom(to_duration(timeout_ns))
        deadline = max(QUERY_TIMEOUT_CEILING_SECONDS, (timeout_ns or 0) / 1e9) + _CALL_TIMEOUT
        return self._call(lambda: _collect(self._query.ExecuteQuery(request, timeout=deadline)))

    def record_batches(
        self, sql: str, *, named_params: Mapping[str, Any] | None = None
    ) -> Iterator[pa.RecordBatch | pb.Completeness]:
        """Streams the rows of one statement, at least one batch, and at the end how complete they are.

        The colony's limits of streams hold: 5 million rows, 1 GiB, 60 s.
        """
        request = pb.ExecuteQueryRequest(
            sql=sql,
            named_params={name: to_sql_value(value) for name, value in (named_params or {}).items()},
            stream=True,
        )
        schema: bytes = b""
        try:
            for part in self._query.ExecuteQuery(
                request, timeout=QUERY_TIMEOUT_CEILING_SECONDS + _CALL_TIMEOUT
            ):
                if part.HasField("trailer"):
                    yield part.trailer.completeness
                    return
                if part.HasField("header"):
                    schema = part.header.arrow_schema
                with pa.ipc.open_stream(schema + part.batch.arrow_batch) as reader:
                    yield from reader.read_all().to_batches() or [_empty(reader.schema)]
        except grpc.RpcError as error:
            raise from_rpc_error(error, address=self.address) from error
        raise CoralError("the colony's answer ended before its end", hint="try again")

    def _call(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except grpc.RpcError as error:
            raise from_rpc_error(error, address=self.address, access=self._access) from error


def to_sql_value(value: Any) -> pb.SqlValue:
    """A Python value as the parameter of a statement.

    Raises:
        UsageError: An integer that does not fit into 64 bits, or a type that has no counterpart.
    """
    if value is None:
        return pb.SqlValue()
    if isinstance(value, bool):
        return pb.SqlValue(bool_value=value)
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise UsageError(f"the parameter {value} does not fit into 64 bits", hint="hand it over as text")
        return pb.SqlValue(int_value=value)
    if isinstance(value, float):
        return pb.SqlValue(double_value=value)
    if isinstance(value, bytes):
        return pb.SqlValue(bytes_value=value)
    if isinstance(value, datetime):
        return pb.SqlValue(timestamp_value=to_timestamp(value))
    if isinstance(value, str):
        return pb.SqlValue(string_value=value)
    raise UsageError(
        f"a {type(value).__name__} cannot be a parameter", hint="hand it over as text and CAST it"
    )


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=schema)


def _merge(into: pb.Completeness, page: pb.Completeness) -> None:
    """Adds what one page says about agents and notes, each once."""
    into.missing_agents.extend([agent for agent in page.missing_agents if agent not in into.missing_agents])
    into.notes.extend([note for note in page.notes if note not in into.notes])


def _collect(parts: Iterator[pb.ExecuteQueryResponse]) -> QueryResult:
    columns: list[tuple[str, str]] = []
    messages: list[bytes] = []
    for part in parts:
        if part.HasField("header"):
            columns = [(column.name, column.type) for column in part.header.columns]
            messages.append(part.header.arrow_schema)
        elif part.HasField("batch"):
            messages.append(part.batch.arrow_batch)
        else:
            with pa.ipc.open_stream(b"".join(messages)) as reader:
                return QueryResult(columns, reader.read_all(), part.trailer.completeness)
    raise CoralError("the colony's answer ended before its end", hint="try again")


def to_rows(table: pa.Table) -> list[list[Any]]:
    """The rows of an Arrow table as Python values; columns may share a name.

    HUGEINT travels as a decimal without fraction and becomes an int again.
    """
    columns = [
        [None if value is None else int(value) for value in column.to_pylist()]
        if pa.types.is_decimal(column.type) and column.type.scale == 0
        else column.to_pylist()
        for column in table.columns
    ]
    return [list(row) for row in zip(*columns, strict=True)]
