"""SQL over a recorded DuckDB file, through the same guard and the same workers as a colony's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from coral._proto.colony.v1 import query_pb2 as pb
from coral.client.colony import QueryResult
from coral.errors import CoralError
from coral.limits import MAX_RESULT_ROWS, QUERY_TIMEOUT_CEILING_SECONDS, QUERY_TIMEOUT_SECONDS
from coral.store.guard.database import DATASET, check_dataset
from coral.store.guard.pool import Columns, QueryPool, Rows
from coral.store.guard.protocol import Job, Outcome


def complete(completeness: pb.Completeness, outcome: Outcome, max_rows: int, max_bytes: str = "") -> None:
    """Writes into a completeness what a worker added and cut; `max_bytes` names the limit of its size."""
    completeness.rows_cut = outcome.rows_cut
    if outcome.rows_cut:
        completeness.limit_added = max_rows
    if outcome.windowed:
        completeness.window_added.FromSeconds(outcome.window_seconds)
    completeness.notes.extend(outcome.notes(max_bytes))


class Dataset:
    """A recorded file that can be asked. A context manager; statements run one after the other.

    The file must hold at least one table of the public schema, and only those can be read. "The last hour" of
    a recording ends at the newest time in any of its tables.
    """

    def __init__(self, path: Path) -> None:
        """Opens nothing yet.

        Args:
            path: A file that DuckDB wrote, and that no process has open for writing.

        Raises:
            NoDataError: It is not there.
            StorageError: It is no DuckDB file.
        """
        check_dataset(path)
        self._path = path.resolve()
        self._runner = asyncio.Runner()
        self._pool = QueryPool(DATASET)

    def __enter__(self) -> Dataset:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._pool.close())
        self._runner.close()

    def query(
        self,
        sql: str,
        *,
        params: Sequence[Any] = (),
        named_params: Mapping[str, Any] | None = None,
        max_rows: int = 0,
        timeout_ns: int | None = None,
    ) -> QueryResult:
        """Runs one SQL statement.

        Args:
            sql: The statement.
            params: Values of `?`.
            named_params: Values of `$name`.
            max_rows: Rows to answer at most; 0 for the limit, `MAX_RESULT_ROWS`.
            timeout_ns: Time limit; None for `QUERY_TIMEOUT_SECONDS`.

        Raises:
            CoralError: As `QueryPool.run`, and what is wrong with the file.
        """
        rows = min(max_rows or MAX_RESULT_ROWS, MAX_RESULT_ROWS)
        timeout = QUERY_TIMEOUT_SECONDS if timeout_ns is None else timeout_ns / 1e9
        job = Job(sql, list(params), dict(named_params or {}), {}, rows, dataset=str(self._path))
        return self._runner.run(self._answer(job, min(timeout, QUERY_TIMEOUT_CEILING_SECONDS)))

    async def _answer(self, job: Job, timeout: float) -> QueryResult:
        columns: list[tuple[str, str]] = []
        messages: list[bytes] = []
        completeness = pb.Completeness()
        async with contextlib.aclosing(self._pool.run(job, timeout=timeout)) as parts:
            async for part in parts:
                if isinstance(part, Columns):
                    columns = part.columns
                    messages.append(part.arrow_schema)
                elif isinstance(part, Rows):
                    messages.append(part.arrow_batch)
                else:
                    complete(completeness, part, job.max_rows)
        if not messages:
            raise CoralError("the query ended without an answer", hint="try again")
        with pa.ipc.open_stream(b"".join(messages)) as reader:
            return QueryResult(columns, reader.read_all(), completeness)
