"""What can be set of an agent: `agent.yaml`, flags of `coral agent start`, environment variables."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Final

from coral.config.access import SYSTEM
from coral.config.kinds import (
    Address,
    ByteCount,
    Choice,
    Duration,
    FilePath,
    Integer,
    Switch,
    Targets,
    Text,
    TextMap,
)
from coral.config.paths import config_dir, state_dir
from coral.config.settings import Setting
from coral.limits import (
    DEFAULT_MAX_BUFFER_BYTES,
    MAX_OPERATIONS_PER_AGENT,
    MAX_OPERATIONS_PER_SERVICE,
    MAX_SERVICES_PER_AGENT,
)
from coral.ports import AGENT_METRICS, OTLP_GRPC, OTLP_HTTP

FILE_ENV: Final = "CORAL_AGENT_CONFIG"
"""Names another file than the default one; an empty value is as if it were not set."""

_NO_SCRIPTS: Final = "checked, but without effect yet: this version runs no scripts on agents"


def default_agent_file() -> Path:
    """Where the file is looked for; it need not exist."""
    return Path(config_dir()) / "agent.yaml"


AGENT_SETTINGS: Final = (
    Setting(
        "colony",
        Address(),
        None,
        "The colony to send to; without one, data stay on this machine.",
        flag="--colony",
        env="CORAL_COLONY",
    ),
    Setting(
        "fleet",
        Address(),
        None,
        "Where that colony serves agents, if not where it says itself, behind a proxy for example.",
        flag="--fleet",
        env="CORAL_FLEET",
        default_text="the colony's host, at the port that the colony tells",
    ),
    Setting(
        "tls_ca",
        FilePath(word=SYSTEM),
        None,
        "Certificate authority of the colony, PEM; `system` is those that this machine trusts. It means TLS.",
        flag="--tls-ca",
        env="CORAL_AGENT_TLS_CA",
    ),
    Setting(
        "token_file",
        FilePath(),
        None,
        "File that holds the agent's token, of the role agent; it is read for each connection.",
        flag="--token-file",
        env="CORAL_AGENT_TOKEN_FILE",
    ),
    Setting(
        "id",
        Text(longest=128),
        lambda: socket.gethostname() or "agent",
        "The agent's id, unique in the fleet.",
        flag="--id",
        env="CORAL_AGENT_ID",
        default_text="the host's name",
    ),
    Setting(
        "data",
        FilePath(),
        lambda: os.path.join(state_dir(), "agent"),
        "Data directory; made when missing.",
        flag="--data",
        env="CORAL_AGENT_DATA",
        default_text="coral/agent in the XDG state directory",
    ),
    Setting(
        "labels",
        TextMap("text"),
        {},
        "Labels for targeting; repeatable, and given by flag they replace the file's.",
        flag="--label",
        env="CORAL_AGENT_LABEL",
    ),
    Setting(
        "otlp.grpc",
        Address(listen=True),
        f"127.0.0.1:{OTLP_GRPC}",
        "Address to receive OTLP/gRPC on; port 0 picks a free one.",
        flag="--otlp-grpc",
        env="CORAL_OTLP_GRPC",
    ),
    Setting(
        "otlp.http",
        Address(listen=True),
        f"127.0.0.1:{OTLP_HTTP}",
        "Address to receive OTLP/HTTP on; port 0 picks a free one.",
        flag="--otlp-http",
        env="CORAL_OTLP_HTTP",
    ),
    Setting(
        "rollup_interval",
        Duration(),
        "10s",
        "Time between summaries.",
        flag="--rollup-interval",
        env="CORAL_AGENT_ROLLUP_INTERVAL",
    ),
    Setting(
        "host_interval",
        Duration(),
        "15s",
        "Time between host samples.",
        flag="--host-interval",
        env="CORAL_AGENT_HOST_INTERVAL",
    ),
    Setting(
        "retention",
        Duration(least="1m"),
        "1h",
        "Age at which raw spans, metric points, log records and host samples are dropped.",
        flag="--retention",
        env="CORAL_AGENT_RETENTION",
    ),
    Setting(
        "max_data_bytes",
        ByteCount(least=64 * 1024**2),
        None,
        "What the data directory may take; beyond it the oldest raw data are dropped before their time.",
        flag="--max-data",
        env="CORAL_AGENT_MAX_DATA",
        default_text="as much as the disk has, but for a reserve",
    ),
    Setting(
        "max_buffer_bytes",
        ByteCount(least=1024**2),
        DEFAULT_MAX_BUFFER_BYTES,
        "What may wait on disk for the colony; beyond it exemplars go first, then the oldest summaries.",
        flag="--max-buffer",
        env="CORAL_AGENT_MAX_BUFFER",
    ),
    Setting(
        "limits.services",
        Integer(1, 100_000),
        MAX_SERVICES_PER_AGENT,
        "Service names per hour in summaries; further ones are counted as `__overflow__`.",
    ),
    Setting(
        "limits.operations_per_service",
        Integer(1, 100_000),
        MAX_OPERATIONS_PER_SERVICE,
        "Operations (span names, routes) per hour and service in summaries; further ones likewise.",
    ),
    Setting(
        "limits.operations",
        Integer(1, 1_000_000),
        MAX_OPERATIONS_PER_AGENT,
        "Operations per hour in summaries, over all services.",
    ),
    Setting(
        "functions",
        Targets(),
        {},
        "Services and where their program is, for services that are not found by themselves.",
    ),
    Setting(
        "metrics",
        Address(listen=True, may_be_off=True),
        f"127.0.0.1:{AGENT_METRICS}",
        "Address of the agent's own /metrics, /healthz and /readyz, or off.",
        flag="--metrics",
        env="CORAL_AGENT_METRICS",
    ),
    Setting(
        "self_telemetry.otlp_endpoint",
        Address(),
        None,
        "OTLP/gRPC receiver that the agent's own metrics are sent to as well.",
        flag="--self-telemetry",
        env="CORAL_AGENT_SELF_TELEMETRY",
    ),
    Setting(
        "self_telemetry.interval",
        Duration(least="1s"),
        "1m",
        "Time between two exports of the agent's own metrics.",
    ),
    Setting(
        "log.level",
        Choice(("debug", "info", "warning", "error")),
        "warning",
        "Least severity that is logged.",
        flag="--log-level",
        env="CORAL_LOG_LEVEL",
    ),
    Setting(
        "log.format",
        Choice(("text", "json")),
        "text",
        "How log records are written to stderr.",
        flag="--log-format",
        env="CORAL_LOG_FORMAT",
    ),
    Setting("script.enabled", Switch(), False, "Whether scripts may run on this agent.", note=_NO_SCRIPTS),
    Setting(
        "script.deno_path",
        FilePath(),
        None,
        "The Deno that runs scripts.",
        default_text="the one inside Coral",
        note=_NO_SCRIPTS,
    ),
    Setting(
        "script.max_concurrent",
        Integer(1, 100),
        5,
        "Scripts that run at once.",
        note=_NO_SCRIPTS,
    ),
    Setting(
        "script.memory_limit_mb",
        Integer(16, 65536),
        512,
        "Memory of one script, MB.",
        note=_NO_SCRIPTS,
    ),
    Setting(
        "script.timeout_seconds",
        Integer(1, 86400),
        300,
        "Running time of one script, seconds.",
        note=_NO_SCRIPTS,
    ),
    Setting(
        "script.sdk_server_port",
        Integer(1, 65535),
        None,
        "Loopback port of the SDK server; without one, scripts use a Unix socket.",
        note=_NO_SCRIPTS,
    ),
)
"""Every setting of an agent, in the order of `docs/configuration.md`."""
