"""What the end of a script means that did not end by itself, or that Deno ended."""

from __future__ import annotations

from coral.errors import CoralError, DeniedError, LimitError, MemoryLimitError
from coral.runner.job import Job
from coral.runner.policy import Policy
from coral.runner.process import Ended

# How V8 ends a process that is out of heap, and how Deno's own code does where an allocation fails.
_OUT_OF_MEMORY = (5, 6)  # SIGTRAP, SIGABRT
_DENO_UNSTABLE = 70


def failure_of(ended: Ended, job: Job) -> CoralError | None:
    """Says which limit or rule ended a script; None where it was its own end.

    Raises:
        BrokenPipeError: Nobody reads its output any more.
    """
    name = job.source.name
    if ended.pipe_closed:
        raise BrokenPipeError
    if ended.timed_out:
        return LimitError(
            f"{name} was stopped at its time limit of {job.time_limit:g} s",
            hint="raise it with --timeout 5m, or lift it with --timeout 0",
        )
    if ended.exceeded == "memory" or ended.signal in _OUT_OF_MEMORY:
        return MemoryLimitError(
            f"{name} ran out of its {job.memory_limit >> 20} MiB of memory",
            hint="keep less at once (db.stream reads rows one by one), or raise the limit with --memory 1g",
        )
    if ended.exceeded == "output":
        return LimitError(
            f"{name} was stopped at its output limit of {job.output_limit >> 20} MiB",
            hint="print less (a summary, --output csv), or raise the limit with CORAL_OUTPUT=1g",
        )
    if ended.code == _DENO_UNSTABLE:
        return DeniedError(
            f"{name} used an API of Deno that is not stable yet, which scripts do not have",
            hint="Deno names it above; a script that ends itself with code 70 is told the same",
        )
    if ended.exceeded == "tasks":
        return LimitError(
            f"{name} was stopped at its limit of {Policy('cli').tasks} threads",
            hint="start fewer workers",
        )
    return None
