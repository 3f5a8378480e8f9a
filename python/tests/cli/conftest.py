from __future__ import annotations

from tests.runner.fixtures import cache, coral

__all__ = ["cache", "coral"]
