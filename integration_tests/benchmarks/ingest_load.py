"""The load generator of `ingest.py`: a process of its own that sends prebuilt batches over OTLP/gRPC.

Reads nothing, prints one JSON object. Batches are unlike each other (ids, times, values). A prebuilt one that
is sent again gets trace ids of its own: an agent recognises a request that it has stored, and the traces of
a fleet do not come back.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import struct
import threading
import time
from collections.abc import Iterator

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
SERVICES = 20
OPERATIONS = 25
ATTRIBUTES = 12
_MARK = b"\xc0\xa1trace\xff"  # the first half of every trace id, until it is sent


def _attribute(key: str, value: str | int | float | bool) -> KeyValue:
    if isinstance(value, bool):
        return KeyValue(key=key, value=AnyValue(bool_value=value))
    if isinstance(value, int):
        return KeyValue(key=key, value=AnyValue(int_value=value))
    if isinstance(value, float):
        return KeyValue(key=key, value=AnyValue(double_value=value))
    return KeyValue(key=key, value=AnyValue(string_value=value))


def build_batch(number: int, spans: int, start_ns: int) -> bytes:
    """One service's batch: server spans with the attributes of an HTTP instrumentation."""
    source = random.Random(number)
    service = f"service-{number % SERVICES:02d}"
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.extend(
        [
            _attribute("service.name", service),
            _attribute("service.instance.id", f"{service}-7d9f8b6c5-x2x4z"),
            _attribute("host.name", "node-17"),
            _attribute("telemetry.sdk.language", "python"),
        ]
    )
    scope = group.scope_spans.add()
    scope.scope.name = "opentelemetry.instrumentation.fastapi"
    for _ in range(spans):
        operation = source.randrange(OPERATIONS)
        failed = source.random() < 0.02
        begin = start_ns + source.randrange(10**9)
        span = Span(
            trace_id=_MARK + source.randbytes(8),
            span_id=source.randbytes(8),
            parent_span_id=source.randbytes(8),
            name=f"GET /api/v1/resource-{operation}/{{id}}",
            kind=Span.SPAN_KIND_SERVER,
            start_time_unix_nano=begin,
            end_time_unix_nano=begin + int(source.lognormvariate(16, 1)),
            flags=257,
        )
        if failed:
            span.status.CopyFrom(Status(code=Status.STATUS_CODE_ERROR, message="upstream timed out"))
        span.attributes.extend(
            [
                _attribute("http.request.method", "GET"),
                _attribute("http.route", f"/api/v1/resource-{operation}/{{id}}"),
                _attribute("url.path", f"/api/v1/resource-{operation}/{source.randrange(10**7)}"),
                _attribute("http.response.status_code", 504 if failed else 200),
                _attribute("server.address", f"{service}.prod.internal"),
                _attribute("server.port", 8080),
                _attribute("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) okhttp/4.12"),
                _attribute("client.address", f"10.{source.randrange(4)}.{source.randrange(256)}.7"),
                _attribute("thread.id", source.randrange(64)),
                _attribute("app.tenant", f"tenant-{source.randrange(200)}"),
                _attribute("app.sampled", True),
                _attribute("app.score", source.random()),
            ]
        )
        scope.spans.append(span)
    return request.SerializeToString()


class Load:
    """Sends batches over several connections and keeps the time that each acknowledgement took."""

    def __init__(self, address: str, batches: list[bytes], *, connections: int) -> None:
        self._batches = batches
        self._lock = threading.Lock()
        self._next = 0
        self.seconds: list[float] = []
        self.failures: dict[str, int] = {}
        self._calls = []
        for number in range(connections):
            channel = grpc.insecure_channel(
                address, options=[("grpc.use_local_subchannel_pool", 1), ("coral.connection", number)]
            )
            grpc.channel_ready_future(channel).result(timeout=30)
            self._calls.append(channel.unary_unary(EXPORT))

    def run(self, count: int, *, per_second: float) -> float:
        """Sends `count` batches and waits for their acknowledgements; answers the seconds that it took.

        Args:
            count: How many batches.
            per_second: Batches a second; 0 sends the next as soon as the one before is acknowledged.
        """
        self.seconds.clear()
        self._next = 0
        begin = time.perf_counter()
        threads = [
            threading.Thread(target=self._send, args=(call, count, per_second, begin)) for call in self._calls
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - begin

    def _numbers(self, count: int) -> Iterator[int]:
        while True:
            with self._lock:
                number = self._next
                self._next += 1
            if number >= count:
                return
            yield number

    def _send(self, call: grpc.UnaryUnaryMultiCallable, count: int, per_second: float, begin: float) -> None:
        for number in self._numbers(count):
            due = begin + number / per_second if per_second else time.perf_counter()
            pause = due - time.perf_counter()
            if pause > 0:
                time.sleep(pause)
            body = self._batches[number % len(self._batches)].replace(_MARK, _unique(number))
            while True:
                try:
                    call(body, timeout=60)
                    break
                except grpc.RpcError as error:
                    name = error.code().name
                    with self._lock:
                        self.failures[name] = self.failures.get(name, 0) + 1
                    if self.failures[name] > 1000:
                        raise
                    time.sleep(0.05)
            # From when it was due: a queue in the generator counts as waiting.
            self.seconds.append(time.perf_counter() - due)


def _unique(number: int) -> bytes:
    """What takes the place of the mark in the batch of this number."""
    return struct.pack(">Q", random.getrandbits(44) << 20 | number)


def main() -> None:
    """Sends at full speed, or at a rate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("--spans", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True, help="spans in a batch")
    parser.add_argument("--distinct", type=int, required=True, help="prebuilt batches")
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True, help="spans a second; 0 is as fast as it goes")
    options = parser.parse_args()
    start_ns = time.time_ns()
    batches = [build_batch(number, options.batch, start_ns) for number in range(options.distinct)]
    load = Load(options.address, batches, connections=options.connections)
    count = options.spans // options.batch
    print("ready", flush=True)
    input()
    cpu = time.process_time()
    seconds = load.run(count, per_second=options.rate / options.batch)
    quantiles = statistics.quantiles(load.seconds, n=100)
    print(
        json.dumps(
            {
                "spans": count * options.batch,
                "bytes_per_span": sum(map(len, batches)) / len(batches) / options.batch,
                "seconds": seconds,
                "cpu_seconds": time.process_time() - cpu,
                "p50_ms": quantiles[49] * 1e3,
                "p99_ms": quantiles[98] * 1e3,
                "max_ms": max(load.seconds) * 1e3,
                "failures": load.failures,
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    main()
