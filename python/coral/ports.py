"""Default ports, in one place."""

from __future__ import annotations

from typing import Final

COLONY_GRPC: Final = 9000
"""Queries: what scripts and people ask a colony."""
COLONY_FLEET: Final = 9001
"""The same colony's port for agents."""
OTLP_GRPC: Final = 4317
"""The IANA-registered OTLP/gRPC port."""
OTLP_HTTP: Final = 4318
"""The IANA-registered OTLP/HTTP port."""
AGENT_METRICS: Final = 4390
"""The agent's own metrics and health; not used by OpenTelemetry, Prometheus or their exporters."""
COLONY_METRICS: Final = 4391
"""The colony's own metrics and health."""
