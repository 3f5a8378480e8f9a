"""The colony as a process: wires the parts together and stops them in order."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import grpc

from coral._proto.colony.v1 import (
    fleet_pb2_grpc,
    queries_pb2_grpc,
    query_pb2,
    query_pb2_grpc,
    status_pb2_grpc,
)
from coral._proto.sdk.v1 import runtime_pb2_grpc
from coral.clock import SystemClock
from coral.colony.completeness import completeness_of
from coral.colony.fleet import FleetServicer
from coral.colony.frames import LocalFrames
from coral.colony.listening import ColonyPorts
from coral.colony.operations import ColonyOperations
from coral.colony.queries import QueriesServicer
from coral.colony.records import FleetRecords
from coral.colony.runtime import RuntimeServicer
from coral.colony.script_events import ScriptEvents
from coral.colony.security import Security, SecurityOptions
from coral.colony.status import StatusServicer
from coral.colony.telemetry import CALL_SECONDS, CALLS, call_labels
from coral.errors import CoralError
from coral.model.redaction import Redaction
from coral.query.api import QueryApi
from coral.query.helpers import Helpers
from coral.query.recent import RecentRollups
from coral.query.redactor import Redactor
from coral.query.servicer import QueryServicer
from coral.query_limits import DEFAULT_QUERY_LIMITS, QueryLimits
from coral.serve.call_metrics import CallMetrics
from coral.serve.lifecycle import allow_open_files, announce_ready, stop_on_signals
from coral.serve.memory import bound_allocator, keep_trimming
from coral.serve.self_telemetry import SelfTelemetry
from coral.store.duckdb.background import give_way
from coral.store.duckdb.compaction import mergeable_tables, write_merged
from coral.store.duckdb.store import DuckDBStore, StoreLimits
from coral.store.duckdb.tiers import Tier, Tiers, rollup_tiers
from coral.store.guard.pool import QueryPool

_log = logging.getLogger(__name__)
_REFRESH_SECONDS: Final = 5.0
_SEAL_SECONDS: Final = 10.0
_AGE_SECONDS: Final = 30.0


@dataclass(frozen=True)
class ColonyOptions:
    """How to run a colony.

    Attributes:
        listen: Address to serve questions on: QueryService, StatusService.
        data: The data directory.
        fleet_listen: Address to serve agents on; None is the same host, `coral.ports.COLONY_FLEET`, or
            a free port where `listen` has port 0.
        idle_exit: Seconds without calls and agents after which it stops; None never.
        retention: Age at which data are dropped.
        retention_by_table: Other ages for some tables. Those of `rollups` and its tiers are the ages at
            which a bucket goes into the next tier.
        max_data_bytes: What the data directory may take; beyond it the oldest exemplars go first. None is
            no limit but the disk's.
        metrics: Address of `/metrics`, `/healthz` and `/readyz`; None for none.
        self_telemetry: Where the colony's own metrics are sent by OTLP, or None.
        security: TLS and tokens.
        redaction: Which values are for those alone who may see raw attributes.
        queries: What raw SQL may take.
    """

    listen: str
    data: Path
    fleet_listen: str | None = None
    idle_exit: float | None = None
    retention: timedelta = timedelta(days=7)
    retention_by_table: Mapping[str, timedelta] = field(default_factory=dict)
    max_data_bytes: int | None = None
    metrics: str | None = None
    self_telemetry: SelfTelemetry | None = None
    security: SecurityOptions = field(default_factory=SecurityOptions)
    redaction: Redaction = field(default_factory=Redaction)
    queries: QueryLimits = DEFAULT_QUERY_LIMITS


class _Activity(grpc.aio.ServerInterceptor):
    """Notes when the last call came, for `idle_exit`."""

    def __init__(self) -> None:
        self.last = time.monotonic()

    def note(self) -> None:
        """Notes a call."""
        self.last = time.monotonic()

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """Passes the call on."""
        self.note()
        return await continuation(handler_call_details)


async def serve_colony(options: ColonyOptions, *, as_json: bool) -> None:
    """Runs a colony until SIGTERM or SIGINT, or until it was idle for `idle_exit`."""
    bound_allocator()
    allow_open_files()
    stop = stop_on_signals()
    clock = SystemClock()
    activity = _Activity()
    counted = CallMetrics(call_labels, calls=CALLS, seconds=CALL_SECONDS)
    security = Security(
        options.security, listen=options.listen, fleet_listen=options.fleet_listen, clock=clock
    )
    ports = ColonyPorts(
        options.listen,
        options.fleet_listen,
        interceptors=[activity, counted],
        first=security.interceptors(),
        certificate=security.certificate,
    )
    frames = LocalFrames(
        ports.query_address,
        secured=security.certificate is not None,
        tokens=security.tokens,
        used=activity.note,
    )
    tiers = rollup_tiers(options.retention_by_table)
    store = DuckDBStore(
        options.data,
        kind="colony",
        retention=options.retention,
        retention_by_table=_store_ages(options, tiers),
        clock=clock,
        seal_interval=_SEAL_SECONDS,
        limits=StoreLimits(max_bytes=options.max_data_bytes),
        merged_apart=(*mergeable_tables(), *(tier.table.name for tier in tiers)),
    )
    pool = QueryPool("colony", options.queries)
    tasks: list[asyncio.Task[None]] = []
    operations: ColonyOperations | None = None
    ageing: Tiers | None = None
    merging = ThreadPoolExecutor(1, thread_name_prefix="coral-merging", initializer=give_way)
    try:
        recent = RecentRollups(clock)
        await asyncio.to_thread(recent.load, store)
        loop = asyncio.get_running_loop()
        ageing = Tiers(
            store,
            tiers,
            scratch=options.data / "merging",
            clock=clock,
            moved=partial(_forget_soon, loop, recent),
            # What holds the store's lock is not done by that thread: queries would wait for it.
            merge=lambda old, merge, path: merging.submit(write_merged, old, merge, path).result(),
        )
        fleet = FleetServicer(store, clock=clock, committed=recent.committed)
        completeness = query_pb2.Completeness()

        def current() -> query_pb2.Completeness:
            copy = query_pb2.Completeness()
            copy.CopyFrom(completeness)
            return copy

        redactor = Redactor(options.redaction)
        records = FleetRecords(fleet, store, clock=clock, redactor=redactor)
        events = ScriptEvents(store, clock, redactor=redactor)
        await asyncio.to_thread(events.load)
        api = QueryApi(
            store,
            Helpers(store, clock, recent),
            pool,
            records,
            completeness=current,
            samples_traces=True,
            events=events,
            redactor=redactor,
        )
        for server in (ports.queries.server, frames.registry):
            query_pb2_grpc.add_QueryServiceServicer_to_server(QueryServicer(api), server)
            runtime_pb2_grpc.add_RuntimeServiceServicer_to_server(RuntimeServicer(events), server)
        fleet_pb2_grpc.add_FleetServiceServicer_to_server(fleet, ports.fleet.server)
        queries = QueriesServicer(pool.journal)
        queries_pb2_grpc.add_QueriesServiceServicer_to_server(queries, ports.fleet.server)
        operations = ColonyOperations(
            store=store,
            fleet=fleet,
            sql=pool.statistics,
            events=events.statistics,
            clock=clock,
            metrics=options.metrics,
            self_telemetry=options.self_telemetry,
        )
        status = StatusServicer(
            store,
            fleet,
            clock=clock,
            started_at=clock.now(),
            problems=lambda: [*security.problems(), *operations.problems()],
            fleet_port=ports.fleet_port,
        )
        status_pb2_grpc.add_StatusServiceServicer_to_server(status, ports.queries.server)
        await pool.warm_up()
        # What is there now stays: a look through all of it for garbage would stop the colony for 50 ms.
        gc.collect()
        gc.freeze()
        await frames.start()
        await ports.start()
        tasks.append(asyncio.create_task(_ends_with(stop, fleet.run())))
        tasks.append(asyncio.create_task(_age(ageing)))
        tasks.append(asyncio.create_task(operations.run()))
        tasks.append(asyncio.create_task(keep_trimming()))
        tasks.append(asyncio.create_task(security.watch(fleet)))
        tasks.append(asyncio.create_task(_watch_agents(fleet, completeness, clock)))
        if options.idle_exit is not None:
            tasks.append(asyncio.create_task(_stop_when_idle(stop, activity, fleet, options.idle_exit)))
        announce_ready(
            {
                "grpc": ports.query_address,
                "fleet": ports.fleet_address,
                "metrics": operations.metrics_address,
            },
            as_json=as_json,
            text=(
                f"colony listens on {ports.query_address}, for agents on {ports.fleet_address};"
                " Ctrl-C stops it"
            ),
        )
        await stop.wait()
        await frames.close()
        await ports.stop(0.5)
    finally:
        if ageing is not None:
            ageing.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if operations is not None:
            await asyncio.to_thread(operations.close)
        await pool.close()
        merging.shutdown()
        store.close()


def _store_ages(options: ColonyOptions, tiers: Sequence[Tier]) -> dict[str, timedelta | None]:
    """Ages at which the store drops segments; those of the rollups are dropped as their last tier says."""
    return {**options.retention_by_table, **dict.fromkeys(tier.table.name for tier in tiers)}


async def _age(tiers: Tiers) -> None:
    """Merges and ages segments twice a minute, until cancelled."""
    with ThreadPoolExecutor(1, thread_name_prefix="coral-tiers") as executor:
        try:
            while True:
                await asyncio.sleep(_AGE_SECONDS)
                try:
                    await asyncio.get_running_loop().run_in_executor(executor, tiers.run)
                except (CoralError, OSError) as error:
                    _log.error("merging summaries failed, trying again: %s", error)
        finally:
            tiers.stop()


def _forget_soon(loop: asyncio.AbstractEventLoop, recent: RecentRollups, before: datetime) -> None:
    loop.call_soon_threadsafe(recent.forget_before, before)


async def _ends_with(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Runs what the colony cannot do without: should it fail, the colony stops instead of going on deaf."""
    try:
        await work
    except Exception:
        _log.exception("the colony cannot take batches any more and stops")
        stop.set()
        raise


async def _watch_agents(
    fleet: FleetServicer, completeness: query_pb2.Completeness, clock: SystemClock
) -> None:
    """Keeps what results say of missing agents and losses fresh without a look-up per call."""
    while True:
        fresh = completeness_of(fleet.registry, fleet.missing_agents(), now=clock.now())
        completeness.CopyFrom(fresh)
        await asyncio.sleep(_REFRESH_SECONDS)


async def _stop_when_idle(
    stop: asyncio.Event, activity: _Activity, fleet: FleetServicer, idle_exit: float
) -> None:
    while True:
        if fleet.connected_agents():
            activity.last = time.monotonic()
        remaining = activity.last + idle_exit - time.monotonic()
        if remaining <= 0:
            stop.set()
            return
        await asyncio.sleep(min(remaining, _REFRESH_SECONDS))
