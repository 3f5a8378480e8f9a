"""A seeded run of faults, and the count of every span afterwards."""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from coral.client.colony import ColonyClient, to_rows
from coral.errors import CoralError
from coral.store.duckdb.store import DuckDBStore
from coral.testing.faults.disk import SmallDisk, small_disk
from coral.testing.faults.fleet import FaultyFleet, Victim
from coral.testing.faults.numbered import NUMBER, NumberedClient, Sent
from coral.testing.faults.proxy import CutProxy, Link

_CUTS: Final = (Link.STALLED, Link.DEAF, Link.MUTE, Link.REFUSED)
_START_KILLS: Final = 0.15
_SETTLE_SECONDS: Final = 90.0
_STOP_SECONDS: Final = 90.0
_DISK_MIB: Final = 512
_LONG: Final = timedelta(days=1)

_COUNTS: Final = (
    "SELECT service_name, sum(request_count)::BIGINT, sum(error_count)::BIGINT FROM service_summary"
    " WHERE bucket_time > TIMESTAMP '2000-01-01' GROUP BY service_name"
)


@dataclass(frozen=True)
class Plan:
    """What to do to the fleet.

    Attributes:
        seed: Chooses which faults come when.
        kills: SIGKILLs, of the agent, the colony or both at once, at the least.
        cuts: Times that the link between them is cut and healed.
        fills: Times that the disk of one of them is filled and freed; needs the right to mount.
    """

    seed: int
    kills: int
    cuts: int = 0
    fills: int = 0


@dataclass(frozen=True)
class ServiceResult:
    """What became of one service's spans.

    Attributes:
        sent: Spans that the agent acknowledged.
        colony: Spans that the colony counts.
        errors_sent: Failed ones among those that were acknowledged.
        errors_colony: Failed ones that the colony counts.
        raw_missing: Numbers that the agent's raw table lacks; a full disk makes it give up raw rows.
        raw_double: Numbers that it has more than once.
    """

    sent: int
    colony: int
    errors_sent: int
    errors_colony: int
    raw_missing: int
    raw_double: int

    @property
    def lost(self) -> int:
        """Acknowledged spans that the colony does not count."""
        return max(0, self.sent - self.colony)

    @property
    def double(self) -> int:
        """Spans that the colony counts more than once."""
        return max(0, self.colony - self.sent)


@dataclass(frozen=True)
class Result:
    """What a campaign did and found.

    Attributes:
        services: By name.
        agent_kills: SIGKILLs of the agent.
        colony_kills: SIGKILLs of the colony.
        cuts: How often the link was in each of its states.
        fills: Disks filled, by whose.
        exported_again: Batches that the clients exported again.
        resent_requests: Requests that the agent recognised as stored before.
        raw_rows_given_up: Raw rows that the agent says to have given up for lack of space.
        seconds: How long it took.
    """

    services: dict[str, ServiceResult]
    agent_kills: int
    colony_kills: int
    cuts: dict[str, int]
    fills: dict[str, int]
    exported_again: int
    resent_requests: int
    raw_rows_given_up: int
    seconds: float

    @property
    def exact(self) -> bool:
        """Whether every span is counted exactly once in the colony, and once in the agent's raw table.

        Of the raw rows as many may be missing as the agent says to have given up.
        """
        found = self.services.values()
        return (
            all((one.colony, one.errors_colony) == (one.sent, one.errors_sent) for one in found)
            and all(one.raw_double == 0 for one in found)
            and sum(one.raw_missing for one in found) <= self.raw_rows_given_up
        )


def run_campaign(plan: Plan, folder: Path) -> Result:
    """Runs the plan with processes and data below a folder.

    Raises:
        AssertionError: The agent stopped acknowledging.
        ChildError: A process did not start any more.
    """
    # The exporters complain about every fault, which is what we make.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    began = time.monotonic()
    with _disks(folder, plan) as disks, contextlib.ExitStack() as stack:
        fleet = FaultyFleet(folder, **{f"{name}_data": disk.folder for name, disk in disks.items()})
        stack.callback(fleet.end)
        proxy = fleet.start()
        clients = _clients(fleet)
        for client in clients:
            client.start()
        cuts, fills = _inflict(plan, fleet, proxy, disks)
        sent = {client.service: client.stop(_STOP_SECONDS) for client in clients}
        counted = _settled(fleet.colony_address, sent)
        fleet.agent.stop()
        fleet.colony.stop()
        raw, counters = _raw(fleet.agent_data, sent)
        services = {
            name: ServiceResult(one.spans, counted[name][0], one.errors, counted[name][1], *raw[name])
            for name, one in sent.items()
        }
        again = sum(one.again for one in sent.values())
        kills = (fleet.agent.kills, fleet.colony.kills)
        return Result(
            services,
            *kills,
            cuts=cuts,
            fills=fills,
            exported_again=again,
            resent_requests=counters["resent_requests"],
            raw_rows_given_up=counters["raw_rows_given_up"],
            seconds=time.monotonic() - began,
        )


def _clients(fleet: FaultyFleet) -> list[NumberedClient]:
    return [
        NumberedClient("orders", endpoint=lambda: fleet.otlp_grpc, protocol="grpc"),
        NumberedClient("payments", endpoint=lambda: fleet.otlp_grpc, protocol="grpc", batch=7),
        NumberedClient("shipping", endpoint=lambda: fleet.otlp_http, protocol="http"),
    ]


@contextlib.contextmanager
def _disks(folder: Path, plan: Plan) -> Iterator[dict[str, SmallDisk]]:
    with contextlib.ExitStack() as stack:
        names = ("agent", "colony") if plan.fills else ()
        yield {
            name: stack.enter_context(small_disk(folder / f"{name}-disk", size_mib=_DISK_MIB))
            for name in names
        }


def _inflict(
    plan: Plan, fleet: FaultyFleet, proxy: CutProxy, disks: dict[str, SmallDisk]
) -> tuple[dict[str, int], dict[str, int]]:
    """All faults of the plan in random order; what is cut or full heals by itself, in the midst of others."""
    chance = random.Random(plan.seed)
    cuts: dict[str, int] = {}
    fills: dict[str, int] = {}
    healers: list[threading.Timer] = []
    actions = ["cut"] * plan.cuts + ["fill"] * plan.fills + ["kill"] * plan.kills
    chance.shuffle(actions)
    for action in actions:
        time.sleep(chance.uniform(0.0, 1.2))
        if action == "cut":
            link = chance.choice(_CUTS)
            cuts[link.value] = cuts.get(link.value, 0) + 1
            proxy.switch(link)
            healers.append(_later(chance.uniform(0.1, 2.5), lambda: proxy.switch(Link.OPEN)))
        elif action == "fill":
            name = chance.choice(sorted(disks))
            fills[name] = fills.get(name, 0) + 1
            disks[name].fill()
            healers.append(_later(chance.uniform(0.3, 3.0), disks[name].free))
        elif fleet.agent.kills + fleet.colony.kills < plan.kills:
            victims = chance.choice(([fleet.agent], [fleet.colony], [fleet.agent, fleet.colony]))
            _kill(victims, chance)
    for healer in healers:
        healer.join()
    return cuts, fills


def _kill(victims: list[Victim], chance: random.Random) -> None:
    for victim in victims:
        victim.kill()
    time.sleep(chance.uniform(0.0, 0.5))
    for victim in victims:
        victim.start(chance, _START_KILLS)


def _later(seconds: float, action: object) -> threading.Timer:
    assert callable(action)
    timer = threading.Timer(seconds, action)
    timer.start()
    return timer


def _settled(colony: str, sent: dict[str, Sent]) -> dict[str, tuple[int, int]]:
    """The colony's counts, once they are as expected, or when they have had time enough."""
    expected = {name: (one.spans, one.errors) for name, one in sent.items()}
    deadline = time.monotonic() + _SETTLE_SECONDS
    counted: dict[str, tuple[int, int]] = {}
    while counted != expected and time.monotonic() < deadline:
        try:
            with ColonyClient(colony) as client:
                rows = to_rows(client.query(_COUNTS).rows)
            counted = {str(name): (int(requests), int(errors)) for name, requests, errors in rows}
        except CoralError:
            pass  # it has just been started
        time.sleep(0.2)
    return {name: counted.get(name, (0, 0)) for name in sent}


def _raw(data: Path, sent: dict[str, Sent]) -> tuple[dict[str, tuple[int, int]], dict[str, int]]:
    """From the stopped agent's own table: numbers missing and double by service, and its counters."""
    store = DuckDBStore(data, kind="agent", retention=_LONG, seal_interval=0)
    try:
        found = {
            name: store.query(
                "SELECT count(DISTINCT n), count(*) FROM (SELECT CAST(attributes ->> $key AS BIGINT) AS n"
                " FROM spans WHERE service_name = $service) WHERE n < $count",
                {"key": f'$."{NUMBER}"', "service": name, "count": one.spans},
                since={"spans": None},
            )[0]
            for name, one in sent.items()
        }
        counters = dict(store.query("SELECT name, value FROM main.counters", since={}))
    finally:
        store.close()
    return {
        name: (sent[name].spans - distinct, total - distinct) for name, (distinct, total) in found.items()
    }, counters
