from __future__ import annotations

from tests.cli.typist import shell_environment
from tests.runner.fixtures import cache, coral

__all__ = ["cache", "coral", "shell_environment"]
