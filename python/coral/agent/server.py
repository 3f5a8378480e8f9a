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
from coral.agent.health import Health
from coral.agent.ingest import Ingest
from coral.agent.operations import AgentOperations
from coral.agent.problems import Problems
from coral.agent.questions import Answers, answers_of
from coral.agent.receive.otlp_grpc import OTLP_SERVICES, otlp_handlers
from coral.agent.receive.otlp_http import otlp_http_config
from coral.agent.rollup.cardinality import NameLimits
from coral.agent.rollup.run import Rollup
from coral.agent.rollup.schedule import keep_rolling_up
from coral.agent.telemetry import REQUEST_SECONDS, REQUESTS, ingest_figures, otlp_labels
from coral.agent.uplink import Uplink
from coral.clock import SystemClock
from coral.config.access import Access, read_access
from coral.errors import CoralError
from coral.limits import DEFAULT_MAX_BUFFER_BYTES, MAX_OTLP_BODY_BYTES
from coral.serve.call_metrics import CallMetrics
from coral.serve.lifecycle import announce_ready, stop_on_signals
from coral.serve.listen import GrpcServer, listen_tcp, socket_address
from coral.serve.memory import keep_trimming
from coral.serve.self_telemetry import SelfTelemetry
from coral.store.duckdb.rows import one_row
from coral.store.duckdb.store import DuckDBStore, StoreLimits

_log = logging.getLogger(__name__)
_DRAIN_SECONDS: Final = 2.0


@dataclass(frozen=True)
class AgentOptions:
    """How to run an agent.

    Attributes:
        colony: Address of the colony; None keeps everything local, unless there is `fleet`.
        otlp_grpc: Address to receive OTLP/gRPC on.
        otlp_http: Address to receive OTLP/HTTP on.
        data: The data directory.
        agent_id: Unique in the fleet.
        labels: For targeting.
        rollup_interval: Seconds between rollups.
        host_interval: Seconds between host samples.
        retention: Age at which raw data are dropped.
        max_buffer_bytes: What may wait on disk for the colony; beyond it exemplars are given up first,
            then summaries, oldest first.
        functions: By service where its program is, for services that are not found by themselves: a path,
            `pid:NUMBER` or `port:NUMBER`.
        max_data_bytes: What the data directory may take; beyond it the oldest raw data go first. None is
            no limit but the disk's.
        names: How many names of services and operations the summaries hold.
        metrics: Address of `/metrics`, `/healthz` and `/readyz`; None for none.
        fleet: Where the colony serves agents; None asks the colony.
        self_telemetry: Where the agent's own metrics are sent by OTLP, or None.
        tls_ca: The colony's certificate authority, a path or `system`; None for no TLS.
        token_file: Path of the agent's token; None for none.
    """

    colony: str | None
    otlp_grpc: str
    otlp_http: str
    data: Path
    agent_id: str
    labels: Mapping[str, str] = field(default_factory=dict)
    rollup_interval: float = 10.0
    host_interval: float = 15.0
    retention: timedelta = timedelta(hours=1)
    max_buffer_bytes: int = DEFAULT_MAX_BUFFER_BYTES
    functions: Mapping[str, str] = field(default_factory=dict)
    max_data_bytes: int | None = None
    names: NameLimits = field(default_factory=NameLimits)
    metrics: str | None = None
    fleet: str | None = None
    self_telemetry: SelfTelemetry | None = None
    tls_ca: Path | str | None = None
    token_file: Path | None = None


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
    counted = CallMetrics(otlp_labels, calls=REQUESTS, seconds=REQUEST_SECONDS)
    grpc_server = GrpcServer(max_message_bytes=MAX_OTLP_BODY_BYTES, interceptors=[counted])
    grpc_address = grpc_server.listen(options.otlp_grpc)
    store = DuckDBStore(
        options.data,
        kind="agent",
        retention=options.retention,
        clock=clock,
        sealable=rolled_up,
        limits=StoreLimits(max_bytes=options.max_data_bytes),
    )
    tasks: list[asyncio.Task[None]] = []
    rollup: Rollup | None = None
    operations: AgentOperations | None = None
    try:
        ingest = Ingest(store, agent_id=options.agent_id, clock=clock)
        rollup = Rollup(
            store,
            agent_id=options.agent_id,
            clock=clock,
            max_buffer_bytes=options.max_buffer_bytes,
            names=options.names,
        )
        problems = Problems(store.problems)
        health = Health(store, ingest, data=options.data, problems=problems)
        answers = answers_of(store, agent_id=options.agent_id, clock=clock, configured=options.functions)
        uplink = _uplink(store, options, health, answers, problems)
        grpc_server.server.add_generic_rpc_handlers(otlp_handlers(ingest))
        http_server = HttpServer(otlp_http_config(ingest))
        collector = HostCollector(
            store, agent_id=options.agent_id, clock=clock, interval=options.host_interval
        )
        operations = AgentOperations(
            data=options.data,
            agent_id=options.agent_id,
            store=store,
            health=health.now,
            problems=problems,
            collector=collector,
            clock=clock,
            colony=options.colony or options.fleet,
            delivery=None if uplink is None else uplink.statistics,
            figures=lambda: ingest_figures(ingest.statistics()),
            metrics=options.metrics,
            self_telemetry=options.self_telemetry,
        )
        await grpc_server.start(OTLP_SERVICES, reflect=False)
        http_task = asyncio.create_task(http_server.serve(sockets=[http_socket]))
        while not http_server.started and not http_task.done():
            await asyncio.sleep(0.005)
        tasks = [
            asyncio.create_task(collector.run()),
            asyncio.create_task(
                keep_rolling_up(
                    rollup,
                    interval=options.rollup_interval,
                    rows_stored=lambda: sum(ingest.statistics().accepted.values()),
                    written=uplink.notify if uplink is not None else lambda: None,
                )
            ),
            asyncio.create_task(operations.run()),
            asyncio.create_task(keep_trimming()),
        ]
        if uplink is not None:
            tasks.append(asyncio.create_task(uplink.run()))
        http_address = socket_address(http_socket)
        announce_ready(
            {
                "otlp_grpc": grpc_address,
                "otlp_http": http_address,
                "metrics": operations.metrics_address,
                "id": options.agent_id,
            },
            as_json=as_json,
            text=(
                f"agent {options.agent_id} receives OTLP/gRPC on {grpc_address}, OTLP/HTTP on {http_address},"
                f" colony {options.colony or options.fleet or '(none)'}; Ctrl-C stops it"
            ),
        )
        await _until(stop, tasks)
        await asyncio.gather(grpc_server.stop(1.0), _stop_http(http_server, http_task))
        await _last_rollup(rollup, uplink)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if rollup is not None:
            await asyncio.to_thread(rollup.stop)
        if operations is not None:
            await asyncio.to_thread(operations.close)
        store.close()
        http_socket.close()


def rolled_up(connection: duckdb.DuckDBPyConnection) -> int:
    """Rows may be sealed once they are rolled up: the rollup reads the active table only."""
    (last_seq,) = one_row(connection, "SELECT last_seq FROM rollup_progress")
    return int(last_seq)


def _uplink(
    store: DuckDBStore, options: AgentOptions, health: Health, answers: Answers, problems: Problems
) -> Uplink | None:
    colony = options.colony or options.fleet
    if colony is None:
        return None

    def access() -> Access:
        return read_access(
            colony,
            tls_ca=None if options.tls_ca is None else str(options.tls_ca),
            token_file=None if options.token_file is None else str(options.token_file),
            token=None,
        )

    access()  # what cannot be used is told at the start
    hello = fleet_pb2.AgentHello(
        agent_id=options.agent_id,
        epoch=store.epoch,
        labels=dict(options.labels),
        hostname=socket.gethostname(),
        coral_version=coral.__version__,
        platform=f"{platform.system().lower()}-{platform.machine()}",
    )
    return Uplink(
        store,
        address=colony,
        fleet=options.fleet,
        access=access,
        hello=hello,
        health=health.now,
        answerer=answers.answer,
        problems=problems,
    )


async def _stop_http(server: HttpServer, task: asyncio.Task[None]) -> None:
    """Lets requests under way finish for a second, then ends them: a slow client must not hold the stop."""
    server.should_exit = True
    await asyncio.wait([task], timeout=1.0)
    if not task.done():
        # uvicorn would print a traceback for each request that is cut off.
        logging.getLogger("uvicorn.error").disabled = True
        server.force_exit = True
        await asyncio.wait([task], timeout=1.0)


async def _last_rollup(rollup: Rollup, uplink: Uplink | None) -> None:
    try:
        await asyncio.to_thread(rollup.run)
    except CoralError as error:
        # It is all on disk, and is rolled up after the next start.
        _log.error("the last rollup failed: %s", error)
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
