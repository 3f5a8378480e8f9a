"""Default ports, in one place."""

from __future__ import annotations

from typing import Final

COLONY_GRPC: Final = 9000
OTLP_GRPC: Final = 4317
"""The IANA-registered OTLP/gRPC port."""
OTLP_HTTP: Final = 4318
"""The IANA-registered OTLP/HTTP port."""
