"""The colony's side of the agents' streams: batches are applied exactly once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final

import grpc
import pyarrow as pa

from coral._proto.colony.v1 import fleet_pb2, fleet_pb2_grpc
from coral.clock import Clock
from coral.errors import CoralError, UsageError
from coral.store.api import Store, Transaction
from coral.store.duckdb.rows import insert_rows
from coral.wire.arrow import from_ipc
from coral.wire.status import abort
from coral.wire.times import to_duration

_HEALTH_INTERVAL_NS: Final = 10_000_000_000
MISSING_AFTER: Final = timedelta(seconds=60)
"""An agent that was silent for this long is named as missing in results."""
FORGOTTEN_AFTER: Final = timedelta(hours=24)
"""An agent that was silent for this long no longer is."""

_INT, _TEXT, _REAL, _TIME = pa.int64(), pa.string(), pa.float64(), pa.timestamp("us")
_SCHEMAS: Final = {
    "rollups": pa.schema(
        [
            ("bucket_time", _TIME),
            ("service_name", _TEXT),
            ("span_name", _TEXT),
            ("kind", _TEXT),
            ("request_count", _INT),
            ("error_count", _INT),
            ("sum_ns", _REAL),
            ("min_ns", _INT),
            ("max_ns", _INT),
            ("bucket_index", pa.list_(pa.int32())),
            ("bucket_count", pa.list_(_INT)),
        ]
    ),
    "spans": pa.schema(
        [
            ("trace_id", _TEXT),
            ("span_id", _TEXT),
            ("parent_span_id", _TEXT),
            ("service_name", _TEXT),
            ("instance_id", _TEXT),
            ("span_name", _TEXT),
            ("kind", _TEXT),
            ("start_time", _TIME),
            ("duration_ns", _INT),
            ("status_code", _TEXT),
            ("attributes", _TEXT),
            ("sample_weight", _REAL),
        ]
    ),
    "system_metrics": pa.schema(
        [
            ("bucket_time", _TIME),
            ("sample_count", _INT),
            ("cpu_pct_sum", _REAL),
            ("mem_used_sum", _REAL),
            ("mem_total", _INT),
            ("last_sample_time", _TIME),
        ]
    ),
    "resources": pa.schema(
        [("service_name", _TEXT), ("instance_id", _TEXT), ("attributes", _TEXT), ("last_seen", _TIME)]
    ),
}


class FleetServicer(fleet_pb2_grpc.FleetServiceServicer):
    """Serves `FleetService.Connect`."""

    def __init__(self, store: Store, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._streams: dict[str, asyncio.Task[Any]] = {}

    def connected_agents(self) -> int:
        """How many agents have an open stream."""
        return len(self._streams)

    async def Connect(  # noqa: D102
        self,
        request_iterator: AsyncIterator[fleet_pb2.ConnectRequest],
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> AsyncIterator[fleet_pb2.ConnectResponse]:
        agent_id = ""
        this_stream = asyncio.current_task()
        try:
            first = await anext(aiter(request_iterator), None)
            hello = _checked_hello(first)
            agent_id = hello.agent_id
            await self._end_older_stream(agent_id)
            if this_stream is not None:
                self._streams[agent_id] = this_stream
            last = await self._register(hello)
            welcome = fleet_pb2.Welcome(last_sequence=last, health_interval=to_duration(_HEALTH_INTERVAL_NS))
            yield fleet_pb2.ConnectResponse(welcome=welcome)
            async for request in request_iterator:
                if request.HasField("batch"):
                    await self._apply(hello, request.batch)
                    ack = fleet_pb2.BatchAck(sequence=request.batch.sequence)
                    yield fleet_pb2.ConnectResponse(ack=ack)
                elif request.HasField("health"):
                    await self._touch(agent_id)
        except CoralError as error:
            await abort(context, error)
        finally:
            if self._streams.get(agent_id) is this_stream:
                self._streams.pop(agent_id, None)

    async def missing_agents(self) -> list[str]:
        """Ids of agents that were here within a day and have been silent for a minute."""
        now = self._clock.now()
        rows = await asyncio.to_thread(
            self._store.query,
            "SELECT agent_id FROM main.agents WHERE last_seen < ? AND last_seen >= ? ORDER BY agent_id",
            [now - MISSING_AFTER, now - FORGOTTEN_AFTER],
            since={},
        )
        return [agent_id for (agent_id,) in rows]

    async def _end_older_stream(self, agent_id: str) -> None:
        older = self._streams.pop(agent_id, None)
        if older is not None:
            older.cancel()
            await asyncio.wait([older])

    async def _register(self, hello: fleet_pb2.AgentHello) -> int:
        now = self._clock.now()
        labels = json.dumps(dict(hello.labels), sort_keys=True)

        def write(transaction: Transaction) -> int:
            connection = transaction.connection
            connection.execute("DELETE FROM agents WHERE agent_id = ?", [hello.agent_id])
            connection.execute(
                "INSERT INTO agents VALUES (?, ?, ?, ?, ?, ?)",
                [hello.agent_id, hello.hostname, hello.platform, hello.coral_version, labels, now],
            )
            return _last_sequence(transaction, hello)

        return await asyncio.wrap_future(self._store.submit(write))

    async def _touch(self, agent_id: str) -> None:
        now = self._clock.now()

        def write(transaction: Transaction) -> None:
            transaction.connection.execute(
                "UPDATE agents SET last_seen = ? WHERE agent_id = ?", [now, agent_id]
            )

        await asyncio.wrap_future(self._store.submit(write))

    async def _apply(self, hello: fleet_pb2.AgentHello, batch: fleet_pb2.Batch) -> None:
        """Applies a batch unless its sequence was applied before; durable when it returns."""
        tables = [(chunk.table, _read_chunk(chunk)) for chunk in batch.chunks]
        now = self._clock.now()

        def write(transaction: Transaction) -> None:
            connection = transaction.connection
            if batch.sequence <= _last_sequence(transaction, hello):
                return
            for name, rows in tables:
                insert_rows(transaction, name, rows, {"agent_id": hello.agent_id})
            connection.execute(
                "DELETE FROM applied_sequences WHERE agent_id = ? AND epoch = ?",
                [hello.agent_id, hello.epoch],
            )
            connection.execute(
                "INSERT INTO applied_sequences VALUES (?, ?, ?)",
                [hello.agent_id, hello.epoch, batch.sequence],
            )
            connection.execute("UPDATE agents SET last_seen = ? WHERE agent_id = ?", [now, hello.agent_id])

        await asyncio.wrap_future(self._store.submit(write))


def _checked_hello(first: fleet_pb2.ConnectRequest | None) -> fleet_pb2.AgentHello:
    if first is None or not first.HasField("hello"):
        raise UsageError("the first message of a stream must be AgentHello")
    hello = first.hello
    if not 1 <= len(hello.agent_id) <= 128 or not hello.epoch:
        raise UsageError(f"agent_id is {hello.agent_id!r}, expected 1 to 128 characters, with an epoch")
    return hello


def _last_sequence(transaction: Transaction, hello: fleet_pb2.AgentHello) -> int:
    rows = transaction.connection.execute(
        "SELECT last_sequence FROM applied_sequences WHERE agent_id = ? AND epoch = ?",
        [hello.agent_id, hello.epoch],
    ).fetchall()
    return int(rows[0][0]) if rows else 0


def _read_chunk(chunk: fleet_pb2.TableChunk) -> pa.Table:
    schema = _SCHEMAS.get(chunk.table)
    if schema is None:
        raise UsageError(
            f"table {chunk.table!r} is unknown, expected one of {', '.join(sorted(_SCHEMAS))}",
            hint="is the agent newer than the colony? Upgrade the colony first",
        )
    return from_ipc(chunk.arrow_ipc, expected=schema, what=f"{chunk.table} rows")
