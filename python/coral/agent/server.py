"""The agent as a process: wires the parts together and stops them in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import platform
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

import duckdb
import uvicorn

import coral
from coral._proto.colony.v1 import fleet_pb2
from coral.agent.collect.host import HostCollector
from coral.agent.ingest import Ingest
from coral.agent.receive.otlp_grpc import otlp_handlers
from coral.agent.receive.otlp_http import otlp_app
from coral.agent.rollup.run import Rollup
from coral.agent.status import collect_status, write_status
from coral.agent.uplink import Uplink
from coral.clock import SystemClock
from coral.errors import CoralError
from coral.limits import MAX_OTLP_BODY_BYTES
from coral.serve.lifecycle import announce_ready, stop_on_signals
from coral.serve.listen import GrpcServer, listen_tcp, socket_address
from coral.store.duckdb.rows import one_row
from coral.store.duckdb.store import DuckDBStore

_log = logging.getLogger(__name__)
_DRAIN_SECONDS: Final = 2.0
_STATUS_SECONDS: Final = 1.0
_SERVICES: Final = (
    "opentelemetry.proto.collector.trace.v1.TraceService",
    "opentelemetry.proto.collector.metrics.v1.MetricsService",
)


@dataclass(frozen=True)
class AgentOptions:
    """How to run an agent.

    Attributes:
        colony: Address of the colony; None keeps everything local.
        otlp_grpc: Address to receive OTLP/gRPC on.
        otlp_http: Address to receive OTLP/HTTP on.
        data: The data directory.
        agent_id: Unique in the fleet.
        labels: For targeting.
        rollup_interval: Seconds between rollups.
        host_interval: Seconds between host samples.
        retention: Age at which raw data are dropped.
    """

    colony: str | None
    otlp_grpc: str
    otlp_http: str
    data: Path
    agent_id: str
    labels: Mapping[str, str] = field(default_factory=dict)
    rollup_interval: float = 2.0
    host_interval: float = 5.0
    retention: timedelta = timedelta(hours=1)


class HttpServer(uvicorn.Server):
    """uvicorn without signal handlers of its own: the agent has them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures nothing."""
        yield


async def serve_agent(options: AgentOptions, *, as_json: bool) -> None:
    """Runs an agent until SIGTERM or SIGINT.

    On a stop, requests under way are answered, what was ingested is rolled up, and the outbox is
    delivered for at most two seconds; what remains is on disk and is delivered after the next start.
    """
    stop = stop_on_signals()
    clock = SystemClock()
    http_socket = listen_tcp(options.otlp_http)
    grpc_server = GrpcServer(max_message_bytes=MAX_OTLP_BODY_BYTES)
    grpc_address = grpc_server.listen(options.otlp_grpc)
    store = DuckDBStore(
        options.data, kind="agent", retention=options.retention, clock=clock, sealable=rolled_up
    )
    tasks: list[asyncio.Task[None]] = []
    try:
        ingest = Ingest(store, agent_id=options.agent_id, clock=clock)
        rollup = Rollup(store, agent_id=options.agent_id, clock=clock)
        uplink = _uplink(store, options)
        grpc_server.server.add_generic_rpc_handlers(otlp_handlers(ingest))
        http_server = HttpServer(
            uvicorn.Config(otlp_app(ingest), log_level="warning", lifespan="off", access_log=False)
        )
        collector = HostCollector(
            store, agent_id=options.agent_id, clock=clock, interval=options.host_interval
        )
        await grpc_server.start(_SERVICES, reflect=False)
        http_task = asyncio.create_task(http_server.serve(sockets=[http_socket]))
        while not http_server.started and not http_task.done():
            await asyncio.sleep(0.005)
        tasks = [
            asyncio.create_task(collector.run()),
            asyncio.create_task(_roll_up(store, rollup, uplink, options.rollup_interval)),
            asyncio.create_task(_report_status(store, options)),
        ]
        if uplink is not None:
            tasks.append(asyncio.create_task(uplink.run()))
        http_address = socket_address(http_socket)
        announce_ready(
            {"otlp_grpc": grpc_address, "otlp_http": http_address, "id": options.agent_id},
            as_json=as_json,
            text=(
                f"agent {options.agent_id} receives OTLP/gRPC on {grpc_address}, OTLP/HTTP on {http_address},"
                f" colony {options.colony or '(none)'}; Ctrl-C stops it"
            ),
        )
        await _until(stop, tasks)
        await asyncio.gather(grpc_server.stop(1.0), _stop_http(http_server, http_task))
        await _last_rollup(store, rollup, uplink)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        write_status(options.data, collect_status(store, agent_id=options.agent_id, running=False))
        store.close()
        http_socket.close()


def rolled_up(connection: duckdb.DuckDBPyConnection) -> int:
    """Rows may be sealed once they are rolled up: the rollup reads the active table only."""
    (last_seq,) = one_row(connection, "SELECT last_seq FROM rollup_progress")
    return int(last_seq)


def _uplink(store: DuckDBStore, options: AgentOptions) -> Uplink | None:
    if options.colony is None:
        return None
    hello = fleet_pb2.AgentHello(
        agent_id=options.agent_id,
        epoch=store.epoch,
        labels=dict(options.labels),
        hostname=socket.gethostname(),
        coral_version=coral.__version__,
        platform=f"{platform.system().lower()}-{platform.machine()}",
    )
    return Uplink(store, address=options.colony, hello=hello)


async def _roll_up(store: DuckDBStore, rollup: Rollup, uplink: Uplink | None, interval: float) -> None:
    while True:
        await asyncio.sleep(interval)
        try:
            sequence = await asyncio.wrap_future(store.submit(rollup.run))
        except CoralError as error:
            # Nothing moved: the next round takes these rows as well.
            _log.error("a rollup failed: %s", error)
            continue
        if sequence is not None and uplink is not None:
            uplink.notify()


async def _stop_http(server: HttpServer, task: asyncio.Task[None]) -> None:
    """Lets requests under way finish for a second, then ends them: a slow client must not hold the stop."""
    server.should_exit = True
    await asyncio.wait([task], timeout=1.0)
    if not task.done():
        # uvicorn would print a traceback for each request that is cut off.
        logging.getLogger("uvicorn.error").disabled = True
        server.force_exit = True
        await asyncio.wait([task], timeout=1.0)


async def _report_status(store: DuckDBStore, options: AgentOptions) -> None:
    """Keeps the figures fresh that `coral agent status` reads while the agent runs."""
    while True:
        status = await asyncio.to_thread(collect_status, store, agent_id=options.agent_id, running=True)
        write_status(options.data, status)
        await asyncio.sleep(_STATUS_SECONDS)


async def _last_rollup(store: DuckDBStore, rollup: Rollup, uplink: Uplink | None) -> None:
    await asyncio.wrap_future(store.submit(rollup.run))
    if uplink is None:
        return
    uplink.notify()
    try:
        await asyncio.wait_for(uplink.drained(), _DRAIN_SECONDS)
    except TimeoutError:
        _log.warning("the colony did not take everything; the rest is kept and sent after the next start")


async def _until(stop: asyncio.Event, tasks: list[asyncio.Task[None]]) -> None:
    """Waits for the stop; a background task that fails ends the agent with its error."""
    stopped = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    for task in done:
        if task is not stopped:
            task.result()
