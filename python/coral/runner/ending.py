"""What the end of a script means that did not end by itself, or that Deno ended."""

from __future__ import annotations

import sys

from coral.config.address import parse_address
from coral.errors import CoralError, DeniedError, LimitError, ListenError, MemoryLimitError
from coral.printing import say
from coral.runner.job import Job
from coral.runner.policy import Policy
from coral.runner.process import DENO_FAILED, Ended

_OUT_OF_HEAP = 5  # SIGTRAP: how V8 ends a process that is out of heap
_ABORTED = 6  # SIGABRT: how Deno's own code does where an allocation fails, and how process.abort() does
_ALWAYS_BYTES = 64 << 20  # of Deno itself, mapped from files: no limit counts that
_LAST_PORT = 65535
_DENO_UNSTABLE = 70


def failure_of(ended: Ended, job: Job) -> CoralError | None:
    """Says which limit or rule ended a script; None where it was its own end.

    Raises:
        BrokenPipeError: Nobody reads its output any more.
    """
    name = job.source.name if job.source.path is not None else job.source.shown
    if ended.pipe_closed:
        raise BrokenPipeError
    if ended.timed_out:
        return LimitError(
            f"{name} was stopped at its time limit of {job.time_limit:g} s",
            hint="raise it with --timeout 5m, or lift it with --timeout 0",
        )
    aborted = ended.signal == _ABORTED and ended.exceeded is None
    out_of_memory = ended.exceeded == "memory" or ended.signal == _OUT_OF_HEAP
    if out_of_memory or (aborted and _was_near(job.memory_limit)):
        return MemoryLimitError(
            f"{name} ran out of its {job.memory_limit >> 20} MiB of memory",
            hint="keep less at once (db.stream reads rows one by one), or raise the limit with --memory 1g",
        )
    if aborted:
        failure = CoralError(
            f"{name} was ended by SIGABRT", hint="process.abort() does that, and so does a fault in Deno"
        )
        failure.exit_code = ended.code
        return failure
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
    if ended.code == DENO_FAILED and job.inspect is not None:
        return _taken_port(job.inspect)
    return None


def _was_near(limit_bytes: int) -> bool:
    """Whether a child of ours has had most of its memory limit; a check of types has had less than that."""
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
    return peak > limit_bytes // 4 * 3 + _ALWAYS_BYTES


def _taken_port(flag: str) -> CoralError | None:
    """Says so where a debugger's port is another program's: then the script was not begun."""
    import socket

    name, _, address = flag.partition("=")
    host, port = parse_address(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Deno: what has ended is no obstacle
        try:
            probe.bind((host, port))
        except OSError as error:
            return ListenError(
                f"the port {host}:{port} for a debugger cannot be opened: {error.strerror}",
                hint=f"choose another one: {name}={host}:{port + (1 if port < _LAST_PORT else -1)}",
            )
    return None


def say_missing(ended: Ended, job: Job) -> None:
    """Says which walls a run had to do without: what this machine cannot have only with `-v`."""
    # What this machine cannot have, `coral doctor` tells, too; what it should have had is always told.
    for line in ended.missing:
        if line.endswith((": switched off", ")")) or job.verbose:
            say(f"containment without {line}")
