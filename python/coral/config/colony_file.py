"""What can be set of a colony: `colony.yaml`, flags of `coral colony start`, environment variables."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from coral.config.kinds import DEFAULT, Address, ByteCount, Choice, Duration, FilePath, Redacted
from coral.config.paths import config_dir, state_dir
from coral.config.query_settings import QUERY_SETTINGS
from coral.config.settings import Setting
from coral.ports import COLONY_FLEET, COLONY_GRPC, COLONY_METRICS

FILE_ENV: Final = "CORAL_COLONY_CONFIG"
"""Names another file than the default one; an empty value is as if it were not set."""


TIER_AGES: Final = {
    "rollups": ("7d", "Age at which minutes of summaries are merged into 15 minutes."),
    "rollups_15m": ("30d", "Age at which 15 minutes of summaries are merged into hours."),
    "rollups_1h": ("90d", "Age at which hours of summaries are merged into days."),
    "rollups_1d": ("365d", "Age at which days of summaries are dropped."),
}
"""The tiers of summaries by service and operation, finest first: default age, and what happens then."""

TABLE_AGES: Final = {
    "service_edges": ("30d", "minutes of the service graph"),
    "log_counts": ("30d", "counts of log records"),
    "system_metrics": ("30d", "minutes of host metrics"),
    "script_events": ("30d", "events that scripts emitted"),
    "spans": (None, "spans of exemplar traces"),
    "resources": (None, "descriptions of service instances"),
}
"""The colony's other tables: default age (None is `retention.default`), and what they hold."""


def default_colony_file() -> Path:
    """Where the file is looked for; it need not exist."""
    return Path(config_dir()) / "colony.yaml"


COLONY_SETTINGS: Final = (
    Setting(
        "listen",
        Address(listen=True),
        f"127.0.0.1:{COLONY_GRPC}",
        "Address to serve queries on, which scripts and people ask; port 0 picks a free one.",
        flag="--listen",
        env="CORAL_COLONY_LISTEN",
    ),
    Setting(
        "fleet_listen",
        Address(listen=True),
        None,
        "Address to serve agents on, which find it by asking at `listen`; port 0 picks a free one.",
        flag="--fleet-listen",
        env="CORAL_COLONY_FLEET_LISTEN",
        default_text=f"the host of listen, port {COLONY_FLEET}, or a free one if listen has port 0",
    ),
    Setting(
        "tls_cert",
        FilePath(),
        None,
        "Certificate of the colony, PEM, with those that lead to its authority; for both ports.",
        flag="--tls-cert",
        env="CORAL_COLONY_TLS_CERT",
    ),
    Setting(
        "tls_key",
        FilePath(),
        None,
        "Private key of the certificate, PEM, without a password.",
        flag="--tls-key",
        env="CORAL_COLONY_TLS_KEY",
    ),
    Setting(
        "token_file",
        FilePath(),
        None,
        "File of tokens that `coral token` writes; with it each call needs a token whose role allows it.",
        flag="--token-file",
        env="CORAL_COLONY_TOKEN_FILE",
    ),
    Setting(
        "redact",
        Redacted(),
        DEFAULT,
        "Names of attributes whose values only tokens made with --raw-attributes see; also in log bodies.",
        flag="--redact",
        env="CORAL_COLONY_REDACT",
        default_text=DEFAULT,
    ),
    Setting(
        "data",
        FilePath(),
        lambda: os.path.join(state_dir(), "colony"),
        "Data directory; made when missing.",
        flag="--data",
        env="CORAL_COLONY_DATA",
        default_text="coral/colony in the XDG state directory",
    ),
    Setting(
        "idle_exit",
        Duration(),
        None,
        "Stop after this long without calls and agents, like 30m.",
        flag="--idle-exit",
        env="CORAL_COLONY_IDLE_EXIT",
        default_text="never",
    ),
    Setting(
        "retention.default",
        Duration(least="1m"),
        "7d",
        "Age at which data are dropped whose table has no age of its own.",
        flag="--retention",
        env="CORAL_COLONY_RETENTION",
    ),
    *(
        Setting(
            f"retention.{table}",
            Duration(least="1m"),
            age,
            what,
            at_least=f"retention.{finer}" if finer else None,
        )
        for (table, (age, what)), finer in zip(TIER_AGES.items(), (None, *TIER_AGES), strict=False)
    ),
    *(
        Setting(
            f"retention.{table}",
            Duration(least="1m"),
            age,
            f"Age at which {what} are dropped.",
            default_text=age or "retention.default",
        )
        for table, (age, what) in TABLE_AGES.items()
    ),
    Setting(
        "max_data_bytes",
        ByteCount(least=64 * 1024**2),
        None,
        "What the data directory may take; beyond it the oldest exemplars are dropped before their time.",
        flag="--max-data",
        env="CORAL_COLONY_MAX_DATA",
        default_text="as much as the disk has, but for a reserve",
    ),
    *QUERY_SETTINGS,
    Setting(
        "metrics",
        Address(listen=True, may_be_off=True),
        f"127.0.0.1:{COLONY_METRICS}",
        "Address of the colony's own /metrics, /healthz and /readyz, or off.",
        flag="--metrics",
        env="CORAL_COLONY_METRICS",
    ),
    Setting(
        "self_telemetry.otlp_endpoint",
        Address(),
        None,
        "OTLP/gRPC receiver that the colony's own metrics are sent to as well.",
        flag="--self-telemetry",
        env="CORAL_COLONY_SELF_TELEMETRY",
    ),
    Setting(
        "self_telemetry.interval",
        Duration(least="1s"),
        "1m",
        "Time between two exports of the colony's own metrics.",
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
)
"""Every setting of a colony, in the order of `docs/configuration.md`."""
