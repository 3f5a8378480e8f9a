"""Hatchling's build hook: the wheel is `py3-none-<platform>`, as it carries that platform's Deno."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_PARTS = (
    "_proto/__init__.py",
    "_sdk/mod.js",
    "_sdk/types/mod.d.ts",
    "_deno/deno.zst",
    "_deno/manifest.json",
    "_examples",
)
# The command `coral` on Linux, which becomes the Python program beside it (python/native/starter).
_STARTER = "packaging/starter/coral"
_SBOM = "packaging/sboms/coral.cdx.json"


class CoralBuildHook(BuildHookInterface[Any]):
    """Sets the tag and refuses to build a wheel that would miss a part."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before the files are collected."""
        package = Path(self.root, "python", "coral")
        missing = [part for part in _PARTS if not (package / part).exists()]
        platform = os.environ.get("CORAL_WHEEL_PLATFORM")
        if missing and Path(self.root, "PKG-INFO").exists():
            # Of an exception pip would show the traceback.
            sys.exit(
                "error: this is the source distribution of Coral: its sources without Deno, which pip "
                "cannot build\n"
                "hint: install a wheel (pip install --only-binary=coral coral; Linux x86_64 and aarch64 "
                "with glibc 2.27, macOS 12 and newer, Windows x86_64), or unpack it and run "
                "./bazelw build //packaging:wheel"
            )
        if missing or not platform:
            what = ", ".join(missing) or "the platform (CORAL_WHEEL_PLATFORM)"
            raise RuntimeError(
                f"this tree cannot be built as it is: {what} missing\n"
                "hint: ./bazelw build //packaging:wheel makes the wheel; "
                "./bazelw run //:dev sets the tree up for an editor"
            )
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform}"
        build_data["sbom_files"].append(_SBOM)
        if not platform.startswith("win"):
            # Why not an entry point: hatch_metadata.py.
            scripts = build_data["shared_scripts"]
            has_starter = Path(self.root, _STARTER).exists()
            if has_starter:
                scripts[_STARTER] = "coral"
            scripts["packaging/scripts/coral"] = "coral-python" if has_starter else "coral"
