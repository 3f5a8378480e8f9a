"""Hatchling's metadata hook: how the command `coral` gets onto PATH.

Linux and macOS get a plain script (`packaging/scripts/coral`, see `hatch_build.py`). The wrapper that
pip 23 writes for an entry point imports `re`, which would be a fifth of what `coral run` costs.
Windows needs the entry point, of which installers make an .exe.
"""

from __future__ import annotations

import os
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class CoralMetadataHook(MetadataHookInterface):
    """Fills in `project.scripts`."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Called by hatchling before the metadata are written."""
        windows = os.environ.get("CORAL_WHEEL_PLATFORM", "").startswith("win")
        metadata["scripts"] = {"coral": "coral.__main__:main"} if windows else {}
