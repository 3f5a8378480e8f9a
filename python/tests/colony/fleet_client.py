"""An agent's side of a stream, spoken by hand, to test what a real agent would never do."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from datetime import datetime
from types import TracebackType

import grpc
import pyarrow as pa

from coral._proto.colony.v1 import fleet_pb2, fleet_pb2_grpc
from coral.model.histogram import bucket_of
from coral.wire.arrow import to_ipc

MINUTE = datetime(2026, 11, 23, 12, 0)


def rollup_chunk(durations_ns: list[int], *, at: datetime = MINUTE, errors: int = 0) -> fleet_pb2.TableChunk:
    """A rollup of SERVER spans of `payments` in one minute."""
    buckets: dict[int, int] = {}
    for value in durations_ns:
        buckets[bucket_of(value)] = buckets.get(bucket_of(value), 0) + 1
    table = pa.table(
        {
            "bucket_time": pa.array([at], pa.timestamp("us")),
            "service_name": ["payments"],
            "span_name": ["GET /"],
            "kind": ["SERVER"],
            "request_count": [len(durations_ns)],
            "error_count": [errors],
            "sum_ns": [float(sum(durations_ns))],
            "min_ns": [min(durations_ns)],
            "max_ns": [max(durations_ns)],
            "bucket_index": pa.array([sorted(buckets)], pa.list_(pa.int32())),
            "bucket_count": pa.array([[buckets[i] for i in sorted(buckets)]], pa.list_(pa.int64())),
        }
    )
    return fleet_pb2.TableChunk(table="rollups", arrow_ipc=to_ipc(table))


def resource_chunk(service: str, *, at: datetime = MINUTE) -> fleet_pb2.TableChunk:
    """One instance of a service."""
    table = pa.table(
        {
            "service_name": [service],
            "instance_id": [f"{service}-1"],
            "attributes": ["{}"],
            "last_seen": pa.array([at], pa.timestamp("us")),
        }
    )
    return fleet_pb2.TableChunk(table="resources", arrow_ipc=to_ipc(table))


def span_chunk(service: str, durations_ns: list[int], *, at: datetime) -> fleet_pb2.TableChunk:
    """One root span per duration, each a trace of its own; the odd ones failed."""
    count = len(durations_ns)
    table = pa.table(
        {
            "trace_id": [f"{i + 1:032x}" for i in range(count)],
            "span_id": [f"{i + 1:016x}" for i in range(count)],
            "parent_span_id": [""] * count,
            "service_name": [service] * count,
            "instance_id": ["1"] * count,
            "span_name": ["GET /"] * count,
            "kind": ["SERVER"] * count,
            "start_time": pa.array([at] * count, pa.timestamp("us")),
            "duration_ns": durations_ns,
            "status_code": ["ERROR" if i % 2 else "UNSET" for i in range(count)],
            "attributes": ['{"http.route":"/"}'] * count,
            "sample_weight": [1.0] * count,
        }
    )
    return fleet_pb2.TableChunk(table="spans", arrow_ipc=to_ipc(table))


class FleetStream:
    """One open `FleetService.Connect` call."""

    def __init__(self, address: str, *, agent_id: str = "a1", epoch: str = "e1") -> None:
        self._channel = grpc.insecure_channel(address)
        self._requests: queue.Queue[fleet_pb2.ConnectRequest | None] = queue.Queue()
        stub = fleet_pb2_grpc.FleetServiceStub(self._channel)
        self._call = stub.Connect(iter(self._requests.get, None), timeout=30)
        self._responses: Iterator[fleet_pb2.ConnectResponse] = self._call
        hello = fleet_pb2.AgentHello(agent_id=agent_id, epoch=epoch)
        self._requests.put(fleet_pb2.ConnectRequest(hello=hello))

    def __enter__(self) -> FleetStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._requests.put(None)
        self._call.cancel()
        self._channel.close()

    def welcome(self) -> int:
        """The last sequence that the colony has applied."""
        return int(next(self._responses).welcome.last_sequence)

    def deliver(self, sequence: int, *chunks: fleet_pb2.TableChunk) -> int:
        """Sends a batch and waits for its acknowledgement."""
        self._requests.put(fleet_pb2.ConnectRequest(batch=fleet_pb2.Batch(sequence=sequence, chunks=chunks)))
        return int(next(self._responses).ack.sequence)

    def question(self) -> fleet_pb2.AgentQuestion:
        """Waits for the colony's next question."""
        response = next(self._responses)
        assert response.HasField("question"), response
        return response.question

    def answer(self, answer: fleet_pb2.AgentAnswer) -> None:
        """Answers a question."""
        self._requests.put(fleet_pb2.ConnectRequest(answer=answer))
