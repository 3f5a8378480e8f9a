"""Which role may make which call: one table for all that a colony serves, or will serve.

A call that is not in the table is refused to everybody; a test fails when an RPC has no entry.
"""

from __future__ import annotations

from typing import Final

SCRIPT: Final = "script"
"""The role of a script of `coral run`: it asks and emits, whatever its user may do beyond that."""

ANYBODY: Final[frozenset[str]] = frozenset({"*"})
"""No token is needed: load balancers ask for the health, and learn nothing else."""

_PEOPLE: Final = frozenset({"viewer", "deployer", "operator", "admin"})
_ASKS: Final = _PEOPLE | {SCRIPT}
_DEPLOYS: Final = frozenset({"deployer", "admin"})
_OPERATES: Final = frozenset({"operator", "admin"})
_AGENT: Final = frozenset({"agent"})

_QUERY: Final = "/coral.colony.v1.QueryService/"
_SCRIPTS: Final = "/coral.colony.v1.ScriptService/"

PERMISSIONS: Final[dict[str, frozenset[str]]] = {
    **dict.fromkeys(
        (
            f"{_QUERY}ListServices",
            f"{_QUERY}GetPercentile",
            f"{_QUERY}GetErrorRate",
            f"{_QUERY}GetSeries",
            f"{_QUERY}GetHistogram",
            f"{_QUERY}QueryTraces",
            f"{_QUERY}FindSlowTraces",
            f"{_QUERY}GetTrace",
            f"{_QUERY}GetSystemMetrics",
            f"{_QUERY}ListFunctions",
            f"{_QUERY}GetFunction",
            f"{_QUERY}QueryLogs",
            f"{_QUERY}QueryEvents",
            f"{_QUERY}ExecuteQuery",
        ),
        _ASKS,
    ),
    # What a script emits is its output, like what it prints; whoever may run one may do that.
    "/coral.sdk.v1.RuntimeService/Emit": _ASKS,
    "/coral.sdk.v1.RuntimeService/Heartbeat": _ASKS,
    "/coral.colony.v1.StatusService/GetStatus": _PEOPLE,
    # The client commands and agents ask it before they connect to the other port.
    "/coral.colony.v1.StatusService/GetFleetPort": _PEOPLE | _AGENT,
    # SQL of others may hold what they look for.
    "/coral.colony.v1.QueriesService/ListQueries": _OPERATES,
    "/coral.colony.v1.QueriesService/CancelQuery": _OPERATES,
    "/coral.colony.v1.FleetService/Connect": _AGENT,
    f"{_SCRIPTS}DeployScript": _DEPLOYS,
    f"{_SCRIPTS}StopScript": _DEPLOYS | _OPERATES,
    f"{_SCRIPTS}RunScript": _DEPLOYS,
    f"{_SCRIPTS}GetScriptStatus": _PEOPLE,
    f"{_SCRIPTS}StreamScriptLogs": _PEOPLE,
    f"{_SCRIPTS}ListScripts": _PEOPLE,
    "/grpc.health.v1.Health/Check": ANYBODY,
    "/grpc.health.v1.Health/List": ANYBODY,
    "/grpc.health.v1.Health/Watch": ANYBODY,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": _PEOPLE,
}
"""The roles that may make a call, by its full method."""
