"""Which traces of a service are worth sending: its slowest ones and its failed ones of each minute."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from coral.agent.rollup.part import Fresh
from coral.agent.rollup.statements import statement
from coral.limits import EXEMPLAR_TRACES_PER_MINUTE, EXEMPLAR_TRACES_PER_SERVICE, MOST_SLOWEST_PER_SERVICE


@dataclass(frozen=True)
class Candidate:
    """A trace that one service would like to send."""

    service: str
    failed: bool
    trace_id: str
    duration_ns: int


def unremembered(trace_ids: list[str], remembered: pa.Table) -> list[str]:
    """Those of them that are not remembered."""
    ids = pa.array(trace_ids, pa.string())
    return cast(
        "list[str]",
        ids.filter(pc.invert(pc.is_in(ids, remembered.column("trace_id").combine_chunks()))).to_pylist(),
    )


def candidates(connection: duckdb.DuckDBPyConnection, fresh: Fresh) -> list[list[Candidate]]:
    """For each service its slowest traces, then its failed ones, each in descending order."""
    found: dict[tuple[str, bool], list[tuple[int, str]]] = defaultdict(list)
    if fresh.sums is not None:
        columns = (column.to_pylist() for column in fresh.sums.slowest.columns)
        for service, trace_id, duration, failed in zip(*columns, strict=True):
            found[service, bool(failed)].append((duration, trace_id))
    if (source := fresh.unsummed_source) is not None:
        rows = connection.execute(
            statement("exemplar_candidates").replace("{fresh_spans}", source),
            {"per_service": MOST_SLOWEST_PER_SERVICE},
        ).fetchall()
        for service, slow, slow_ns, failed, failed_ns in rows:
            for is_failed, traces, durations in ((False, slow, slow_ns), (True, failed, failed_ns)):
                found[service, is_failed] += zip(durations or (), traces or (), strict=True)
    return [_slowest(service, failed, spans) for (service, failed), spans in found.items()]


def _slowest(service: str, failed: bool, spans: list[tuple[int, str]]) -> list[Candidate]:
    # Several spans of one trace may be among the slowest: the first one, the slowest, counts.
    traces: dict[str, int] = {}
    for duration, trace_id in sorted(spans, reverse=True):
        traces.setdefault(trace_id, duration)
    return [Candidate(service, failed, trace_id, duration) for trace_id, duration in traces.items()]


def durations(remembered: pa.Table, minute: datetime) -> dict[tuple[str, bool], list[int]]:
    """By service, and whether it failed: the durations for which traces were chosen in this minute."""
    found: dict[tuple[str, bool], list[int]] = defaultdict(list)
    of_minute = pc.and_(
        pc.is_valid(remembered.column("service_name")),
        pc.greater_equal(remembered.column("selected_at"), pa.scalar(minute, pa.timestamp("us"))),
    )
    for row in remembered.filter(of_minute).to_pylist():
        found[row["service_name"], row["failed"]].append(row["duration_ns"])
    return found


def thresholds(durations: Mapping[tuple[str, bool], list[int]], failed: bool) -> dict[str, int]:
    """By service: from which duration on another trace of this minute would be chosen."""
    return {
        service: threshold
        for (service, is_failed), chosen in durations.items()
        if is_failed is failed and (threshold := _threshold(chosen)) is not None
    }


def choose(
    candidates: list[list[Candidate]],
    remembered: pa.Table,
    before: dict[tuple[str, bool], list[int]],
) -> list[Candidate]:
    """The new candidates that their service and minute still have room for; their durations are added.

    When there are too many in all, every service gets its best before any gets its second.
    """
    taken = sum(len(durations) for durations in before.values())
    new = set(unremembered([one.trace_id for of_service in candidates for one in of_service], remembered))
    wanted: list[tuple[int, int, Candidate]] = []
    for of_service in candidates:
        place = 0
        for one in of_service:
            if one.trace_id not in new:
                continue
            durations = before[one.service, one.failed]
            if not _has_room(durations, one.duration_ns):
                break
            durations.append(one.duration_ns)
            wanted.append((place, -one.duration_ns, one))
            place += 1
    wanted.sort(key=lambda item: item[:2])
    return [one for _, _, one in wanted[: max(0, EXEMPLAR_TRACES_PER_MINUTE - taken)]]


def _has_room(durations: list[int], duration: int) -> bool:
    threshold = _threshold(durations)
    if threshold is None:
        return True
    return duration > threshold and len(durations) < MOST_SLOWEST_PER_SERVICE


def _threshold(durations: list[int]) -> int | None:
    """What a trace has to exceed to be chosen beside these; None when there is room for any."""
    if len(durations) < EXEMPLAR_TRACES_PER_SERVICE:
        return None
    return sorted(durations, reverse=True)[EXEMPLAR_TRACES_PER_SERVICE - 1]
