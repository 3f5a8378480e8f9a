"""A recording behind the questions of QueryService: as of a time, with what was known then."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import duckdb
import msgspec

from coral._proto.colony.v1 import query_pb2 as pb
from coral.clock import Clock
from coral.errors import StorageError, UnsupportedError
from coral.replay.recording import INNER, Recording
from coral.store.api import Segment
from coral.store.guard.database import DATASET
from coral.store.guard.pool import Part, QueryPool
from coral.store.guard.protocol import Job

_MINUTE: Final = timedelta(minutes=1)
_FOREVER: Final = datetime(9999, 1, 1)
_MEMORY: Final = "512MB"

# Each statement says by these variables what is known when it runs.
_EVENTS: Final = "coral_events"
_BUCKETS: Final = "coral_buckets"

_VIEWS: Final = {
    "rollups": f"FROM rec.{INNER}.rollups WHERE bucket_time <= getvariable('{_BUCKETS}')",
    "system_metrics": f"FROM rec.{INNER}.system_metrics WHERE bucket_time <= getvariable('{_BUCKETS}')",
    "resources": f"FROM rec.{INNER}.resources WHERE last_seen <= getvariable('{_EVENTS}')",
    "spans": (
        "SELECT * REPLACE (CAST(attributes AS VARCHAR) AS attributes) FROM rec.main.otel_spans_local"
        f" WHERE start_time <= getvariable('{_EVENTS}')"
    ),
    "trace_summary": f"FROM rec.main.trace_summary WHERE start_time <= getvariable('{_EVENTS}')",
}


class RecordingStore:
    """Answers the helpers' statements. From any thread."""

    def __init__(self, recording: Recording, clock: Clock) -> None:
        """Opens the file for reading.

        Args:
            recording: From `read_recording`.
            clock: As of when to answer; from `recorded_at` on everything is known.

        Raises:
            StorageError: It cannot be opened.
        """
        self._recording = recording
        self._clock = clock
        self._connection = duckdb.connect(":memory:")
        path = str(recording.path).replace("'", "''")
        try:
            self._connection.execute(
                f"SET TimeZone='UTC'; SET memory_limit='{_MEMORY}'; SET threads=2;"
                f" ATTACH '{path}' AS rec (TYPE duckdb, READ_ONLY); SET enable_external_access=false;"
                # What tells of longer buckets in a store; a recording has what it was given.
                " CREATE TABLE segments (table_name VARCHAR, max_time TIMESTAMP);"
                + "".join(f" CREATE VIEW {name} AS {select};" for name, select in _VIEWS.items())
            )
        except duckdb.Error as error:
            self._connection.close()
            raise StorageError(
                f"{recording.path} cannot be read: {str(error).splitlines()[0]}",
                hint="close it where it is open, or record it again",
            ) from None

    def query(
        self,
        sql: str,
        parameters: Sequence[Any] | Mapping[str, Any] = (),
        *,
        since: Mapping[str, datetime | None],
    ) -> list[tuple[Any, ...]]:
        """See `QueriedStore.query`; sees what was known at the clock's time."""
        now = self._clock.now()
        known = now < self._recording.recorded_at
        events, buckets = (now, now - _MINUTE) if known else (_FOREVER, _FOREVER)
        cursor = self._connection.cursor()
        try:
            cursor.execute(
                f"SET VARIABLE {_EVENTS} = TIMESTAMP '{events.isoformat(' ')}';"
                f" SET VARIABLE {_BUCKETS} = TIMESTAMP '{buckets.isoformat(' ')}'"
            )
            return cursor.execute(sql, parameters).fetchall()
        except duckdb.Error as error:
            raise StorageError(
                f"{self._recording.path} cannot be read: {str(error).splitlines()[0]}",
                hint="it may be damaged; record it again",
            ) from error
        finally:
            cursor.close()

    def seal(self) -> None:
        """Nothing is written, so nothing is to be sealed."""

    def segments(self) -> list[Segment]:
        """None: its tables are in one file."""
        return []

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()


class RecordingPool(QueryPool):
    """Runs raw SQL over the recording's public tables, as of the time that the job says is now."""

    def __init__(self, recording: Recording) -> None:
        super().__init__(DATASET)
        self._recording = recording

    async def run(
        self, job: Job, *, timeout: float, caller: str = "", more_time: str = ""
    ) -> AsyncGenerator[Part, None]:
        """See `QueryPool.run`; `more_time` is left out, as a recording's limits are no settings."""
        now = job.now or self._recording.recorded_at
        over = msgspec.structs.replace(
            job,
            segments={},
            dataset=str(self._recording.path),
            now=now,
            as_of=now,
            hide=now < self._recording.recorded_at,
        )
        async with contextlib.aclosing(super().run(over, timeout=timeout, caller=caller)) as parts:
            async for part in parts:
                yield part


class RecordingRecords:
    """Log records and functions stay on agents: a recording has none."""

    async def query_logs(self, request: pb.QueryLogsRequest) -> pb.QueryLogsResponse:
        """Refuses."""
        raise _missing("log records", "log_summary counts them")

    async def list_functions(self, request: pb.ListFunctionsRequest) -> pb.ListFunctionsResponse:
        """Refuses."""
        raise _missing("functions", "ask the colony")

    async def get_function(self, request: pb.GetFunctionRequest) -> pb.GetFunctionResponse:
        """Refuses."""
        raise _missing("functions", "ask the colony")


def _missing(what: str, hint: str) -> UnsupportedError:
    return UnsupportedError(f"a recording holds no {what}: they stay on the agents", hint=hint)
