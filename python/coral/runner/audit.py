"""The audit: which scripts ran without one of their walls, were refused something, or ran into a limit.

One line of JSON for each such run, in a file of the user's that scripts can neither read nor write. It is
written after the run. At 1 MiB the file is put aside, and the one that was aside before is removed.
"""

from __future__ import annotations

import os
import time

from coral.config.fast_json import dumps, loads
from coral.config.paths import state_dir
from coral.errors import CoralError, DeniedError, LimitError, StorageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from coral.runner.job import Job
    from coral.runner.process import Ended

LARGEST_BYTES = 1 << 20
_LONGEST_TEXT = 500
_NAME = "audit.jsonl"
_ASIDE = "audit.1.jsonl"

DENIED, LIMITED, INCOMPLETE = "denied", "limited", "walls missing"


def audit_file() -> str:
    """Returns the path of the file that is written now."""
    return os.path.join(state_dir(), _NAME)


def note(job: Job, ended: Ended, failure: CoralError | None) -> None:
    """Writes down a run, if it is one for the audit.

    A run is not spoiled because it cannot be written down; that is said on stderr.

    Args:
        job: What was run.
        ended: How it ended.
        failure: What Coral says about that, or None.
    """
    outcome = _outcome(ended, failure)
    if outcome is None:
        return
    record: dict[str, object] = {
        "time": _now(),
        "outcome": outcome,
        "script": _short(job.source.path or job.source.shown),
        "exit_code": ended.code if failure is None else failure.exit_code,
        "reason": _short(_reason(outcome, failure)),
        "missing": [_short(line) for line in ended.missing],
        "colony": job.colony,
        "uid": os.getuid(),
        "pid": os.getpid(),
    }
    try:
        _append(dumps(record) + "\n")
    except OSError as error:
        if job.quiet or (outcome == INCOMPLETE and not job.verbose):
            return  # what this machine lacks, `coral doctor` says too
        from coral.printing import say

        say(f"the audit {audit_file()} cannot be written: {error.strerror}")


def _reason(outcome: str, failure: CoralError | None) -> str:
    if failure is not None:
        return failure.message.partition("\n")[0]  # the place may follow
    if outcome == DENIED:
        return "it used what scripts may not, and ended by that; its stderr names it"
    return "not all walls were in force"


def records() -> Iterator[dict[str, object]]:
    """Reads what was written down, oldest first.

    Raises:
        StorageError: The file is there and cannot be read.
    """
    for name in (_ASIDE, _NAME):
        path = os.path.join(state_dir(), name)
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                lines = file.read().splitlines()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StorageError(f"{path} cannot be read: {error.strerror}", hint="whose file is it?") from None
        for line in lines:
            try:
                record = loads(line)
            except ValueError:
                continue  # the machine went down while it was written
            if isinstance(record, dict):
                yield record


def _outcome(ended: Ended, failure: CoralError | None) -> str | None:
    if isinstance(failure, DeniedError) or (failure is None and ended.code == DeniedError.exit_code):
        return DENIED
    if isinstance(failure, LimitError):
        return LIMITED
    return INCOMPLETE if ended.missing else None


def _append(line: str) -> None:
    import fcntl

    path = audit_file()
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    while True:
        descriptor = os.open(path, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # of runs that end at once one puts it aside
            if not _is_at(descriptor, path):
                continue
            if os.fstat(descriptor).st_size + len(line) > LARGEST_BYTES:
                os.replace(path, os.path.join(os.path.dirname(path), _ASIDE))
                continue
            os.write(descriptor, line.encode())  # ASCII, and in one piece
            return
        finally:
            os.close(descriptor)


def _is_at(descriptor: int, path: str) -> bool:
    """Whether the open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 3] + "..."


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
