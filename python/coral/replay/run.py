"""One script on a recording, in a process of its own: `python -m coral.replay.run SPEC`.

The script's output is the process's; it ends with the script's exit code, and Coral's own errors come last on
stderr. SPEC is a JSON object, see `Spec`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from typing import Any

from coral.errors import CoralError
from coral.printing import tell_text
from coral.runner.script import Host, Job, VirtualClock, run_script
from coral.runner.source import find_source


@dataclass(frozen=True)
class Spec:
    """What to run.

    Attributes:
        script: Path of the script.
        socket: Path of the recording's socket.
        token: Its token.
        at: Start of the script's clock, seconds since 1970.
        until: Its end, or None.
        must_end: Whether it is an error when the script goes on until then.
        lines: Whether printed lines come with their time.
        time_limit: Real seconds.
        params: What the script sees as `coral.params`.
        texts: Those that were typed, as they were typed.
    """

    script: str
    socket: str
    token: str
    at: float
    until: float | None = None
    must_end: bool = False
    lines: bool = False
    time_limit: float = 60.0
    params: dict[str, Any] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ended:
    """How a script ended.

    Attributes:
        code: Its exit code.
        stdout: What it printed.
        stderr: What it printed there, and what Coral said.
    """

    code: int
    stdout: str
    stderr: str


def run_apart(spec: Spec) -> Ended:
    """Runs a script in a process of its own and waits for it."""
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "coral.replay.run", json.dumps(asdict(spec))],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return Ended(ended.returncode, _text(ended.stdout), _text(ended.stderr))


def _text(output: bytes) -> str:
    return output.decode("utf-8", "replace")


def main(spec: Spec) -> int:
    """Runs the script in this process."""
    job = Job(
        find_source(spec.script),
        colony=None,
        host=Host(spec.socket, spec.token, mode="cli"),
        clock=VirtualClock(spec.at, until=spec.until, must_end=spec.must_end, lines=spec.lines),
        params=spec.params,
        texts=spec.texts,
        time_limit=spec.time_limit,
        colour=False,
    )
    try:
        return run_script(job)
    except CoralError as error:
        hint = f"\nhint: {error.hint}" if error.hint else ""
        tell_text(f"error: {error.message}{hint}")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(Spec(**json.loads(sys.argv[1]))))
