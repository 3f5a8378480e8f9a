"""What a run tells the SDK: its colony, its token, its parameters, the screen."""

from __future__ import annotations

import os

from coral.runner.job import Job
from coral.runner.policy import Policy
from coral.script_limits import SCRIPT_TOKEN_SECONDS, TOKEN_CLOCK_SECONDS

_COLUMNS = 80
_MOST_COLUMNS = 1000


def connection(job: Job, allowed: Policy, colour: bool) -> dict[str, object]:
    """Returns what the SDK gets to know of its run.

    Args:
        job: What to run.
        allowed: What the script may do.
        colour: Whether it may print in colour.
    """
    host = job.host
    return {
        "mode": "cli" if host is None else host.mode,
        "address": job.colony,
        "socket": None if host is None else host.socket,
        "frames": allowed.frames,
        "tls": host is None and job.access.ca is not None,
        "ca": None if host is not None else job.access.ca,
        "token": _script_token(job) if host is None else host.token,
        "params": job.params,
        "texts": job.texts,
        "scriptName": job.source.name,
        "screen": {"columns": _columns(), "colour": colour},
        "executionId": _uuid(),
    }


def _script_token(job: Job) -> str | None:
    """A token that only asks, made from the user's: a script never gets that itself."""
    if job.access.token is None:
        return None
    import time

    from coral.model.tokens import SCRIPT_PREFIX, script_token

    if job.access.token.startswith(SCRIPT_PREFIX):
        return job.access.token
    seconds = min(job.time_limit or SCRIPT_TOKEN_SECONDS, SCRIPT_TOKEN_SECONDS)
    return script_token(job.access.token, ends=int(time.time() + seconds + TOKEN_CLOCK_SECONDS))


def _columns() -> int:
    """Returns the width of what the script prints on."""
    if os.isatty(1):
        return os.get_terminal_size(1).columns or _COLUMNS
    said = os.environ.get("COLUMNS", "")
    return min(int(said), _MOST_COLUMNS) if said.isdecimal() and int(said) else _COLUMNS


def _uuid() -> str:
    """A random UUID (version 4); the module `uuid` would cost 3 ms."""
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
