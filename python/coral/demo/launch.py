"""How the demo starts its colony, its agent and its shop. The tests start theirs by the same functions."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import coral
from coral.demo.children import Child

START_SECONDS = 60.0
"""How long a child may take until it says that it is ready; slow disks and cold caches included."""

PAUSE_SECONDS = 120.0
"""How long the shop may take to serve its last visitors and to send its last telemetry."""

_OTHER_COLONY = (
    "CORAL_COLONY",
    "CORAL_FLEET",
    "CORAL_TLS_CA",
    "CORAL_TOKEN",
    "CORAL_TOKEN_FILE",
    "CORAL_AGENT_TLS_CA",
    "CORAL_AGENT_TOKEN_FILE",
    "CORAL_COLONY_TLS_CERT",
    "CORAL_COLONY_TLS_KEY",
    "CORAL_COLONY_TOKEN_FILE",
)

ANY_PORT = "127.0.0.1:0"
"""Loopback, whichever port is free."""


def coral_command(*arguments: str) -> list[str]:
    """The command line of `coral ...` with this very interpreter and package."""
    # -P: a file in the user's folder must not stand in for a module.
    return [sys.executable, "-P", "-m", "coral", *arguments]


def child_environment() -> dict[str, str]:
    """The environment for children that must only talk to each other, on loopback."""
    environment = {name: value for name, value in os.environ.items() if not _misleads(name)}
    package_root = str(Path(coral.__file__).absolute().parent.parent)
    inherited = environment.get("PYTHONPATH")
    environment["PYTHONPATH"] = os.pathsep.join([package_root, inherited] if inherited else [package_root])
    return environment


@dataclass(frozen=True)
class Colony:
    """A colony's process and where it listens."""

    child: Child
    grpc: str
    """HOST:PORT of its services for queries; what everybody is configured with, agents too."""
    fleet: str
    """HOST:PORT of its service for agents."""
    metrics: str
    """HOST:PORT of its own metrics and health."""


@dataclass(frozen=True)
class Agent:
    """An agent's process and where it listens."""

    child: Child
    otlp_grpc: str
    """HOST:PORT of OTLP over gRPC."""
    otlp_http: str
    """HOST:PORT of OTLP over HTTP."""
    metrics: str
    """HOST:PORT of its own metrics and health."""


def begin_colony(
    data: Path,
    log: Path,
    listen: str = ANY_PORT,
    fleet_listen: str = ANY_PORT,
    options: Sequence[str] = (),
) -> Child:
    """Starts a colony and does not wait for it; `options` are more of `coral colony start`."""
    command = coral_command(
        *("colony", "start", "--no-config", "--listen", listen, "--fleet-listen", fleet_listen),
        *("--data", str(data), "--metrics", ANY_PORT, "-o", "json", *options),
    )
    return Child("the colony", command, log, child_environment())


def await_colony(child: Child) -> Colony:
    """Waits until a colony takes calls.

    Raises:
        ChildError: It did not start.
    """
    ready = child.expect("ready", START_SECONDS)
    return Colony(child, grpc=ready["grpc"], fleet=ready["fleet"], metrics=ready["metrics"])


def begin_agent(
    colony: str,
    data: Path,
    log: Path,
    *,
    agent_id: str,
    labels: Mapping[str, str],
    rollup_interval: str = "1s",
    otlp_grpc: str = ANY_PORT,
    otlp_http: str = ANY_PORT,
    fleet: str | None = None,
    options: Sequence[str] = (),
) -> Child:
    """Starts an agent for the colony at HOST:PORT and does not wait for it.

    With `fleet` the colony is not asked where it serves agents; `options` are more of `coral agent start`.
    """
    command = coral_command(
        *("agent", "start", "--no-config", "--colony", colony, "--data", str(data), "--id", agent_id),
        *("--otlp-grpc", otlp_grpc, "--otlp-http", otlp_http, "--rollup-interval", rollup_interval),
        *("--host-interval", "5s", "--metrics", ANY_PORT, "-o", "json"),
        *(part for key, value in labels.items() for part in ("--label", f"{key}={value}")),
        *(() if fleet is None else ("--fleet", fleet)),
        *options,
    )
    return Child("the agent", command, log, child_environment())


def await_agent(child: Child) -> Agent:
    """Waits until an agent takes OTLP.

    Raises:
        ChildError: It did not start.
    """
    ready = child.expect("ready", START_SECONDS)
    return Agent(child, otlp_grpc=ready["otlp_grpc"], otlp_http=ready["otlp_http"], metrics=ready["metrics"])


class ShopProcess:
    """The shop's process: started early, told the agent's addresses later."""

    def __init__(self, folder: Path, log: Path, *, rate: float, seed: str, truth: Path | None = None) -> None:
        command = [sys.executable, "-P", "-m", "coral.demo.shop"]
        command += ["--folder", str(folder), "--rate", str(rate), "--seed", seed]
        if truth is not None:
            command += ["--truth", str(truth)]
        self.child = Child("the shop", command, log, child_environment())

    def open(self, agent: Agent) -> None:
        """Starts the services and lets the visitors in."""
        self.child.tell({"otlp_grpc": agent.otlp_grpc, "otlp_http": agent.otlp_http})
        self.child.expect("ready", START_SECONDS)

    def pause(self) -> dict[str, Any]:
        """Sends the visitors home, waits until all telemetry is sent, and answers the counts."""
        self.child.tell({"do": "pause"})
        return self.child.expect("paused", PAUSE_SECONDS)


def _misleads(name: str) -> bool:
    # A proxy does not reach our loopback; OTEL_* would change what the shop's exporters do.
    return name.lower().endswith("_proxy") or name.startswith("OTEL_") or name in _OTHER_COLONY
