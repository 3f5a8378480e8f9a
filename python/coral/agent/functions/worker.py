"""The reading child: one job on stdin, one outcome on stdout, both msgpack; then it ends.

Run as `python -m coral.agent.functions.worker`. Files of services may be damaged or hostile: the
process has limits on memory, CPU time and files, a low priority, and its parent kills it at a
deadline. It opens nothing for writing and runs nothing of what it reads.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from typing import Final

import msgspec

from coral.agent.functions.places import open_regular
from coral.agent.functions.program import Answer, BinaryJob, Failure, Job, Outcome, Program
from coral.errors import CoralError, UsageError
from coral.limits import READ_PROGRAM_MEMORY_BYTES, READ_PROGRAM_SECONDS

_PR_SET_PDEATHSIG: Final = 1


def main() -> None:
    """Reads a job, answers it."""
    _confine()
    job: Job = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Job)
    outcome: Outcome
    try:
        outcome = Answer(read(job))
    except CoralError as error:
        outcome = Failure(error.message, error.hint or "")
    except MemoryError:
        outcome = Failure("reading the program needs more memory than READ_PROGRAM_MEMORY_BYTES")
    except RecursionError:
        outcome = Failure("the program is nested more deeply than can be read")
    sys.stdout.buffer.write(msgspec.msgpack.encode(outcome))
    sys.stdout.buffer.flush()


def read(job: Job) -> Program:
    """The functions of a program.

    Raises:
        UsageError: It cannot be read.
    """
    if isinstance(job, BinaryJob):
        from coral.agent.functions.elf import read_binary

        try:
            with open_regular(job.path) as stream:
                return read_binary(stream, shown=job.shown, root=job.root)
        except OSError as error:
            raise UsageError(f"{job.shown} cannot be opened: {error.strerror}") from error
    from coral.agent.functions.python_source import read_python

    return read_python(job)


def _confine() -> None:
    seconds = int(READ_PROGRAM_SECONDS) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (READ_PROGRAM_MEMORY_BYTES, READ_PROGRAM_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(10)  # ingest goes first
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
