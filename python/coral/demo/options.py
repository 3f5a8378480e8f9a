"""What the user of the demo can choose."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DEFAULT_RATE = 30.0
"""Visits a second: enough for percentiles within seconds, little for a small machine."""

DEFAULT_SEED = "coral"


@dataclass(frozen=True)
class DemoOptions:
    """How the demo runs."""

    once: bool = False
    """Print the report, stop everything and remove the data."""
    rate: float = DEFAULT_RATE
    """Visits of the shop a second, on average."""
    seed: str = DEFAULT_SEED
    """Seed of the visits and the faults."""
    duration_seconds: float | None = None
    """With `once`: how long to collect before the report. Else: how long to keep going after it."""
    report: Path | None = None
    """Write the report to this file, too."""
