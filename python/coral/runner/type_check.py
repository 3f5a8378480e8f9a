"""Checks a script's types before it runs. Deno caches what it found by content: again, it takes 25 ms."""

from __future__ import annotations

import sys

from coral.runner.diagnosis import check_types
from coral.runner.script import Job, Prepared

_PATIENCE_SECONDS = 1.0


def require_types(job: Job) -> None:
    """Checks types; Deno's report goes to stderr.

    Raises:
        TypeCheckError: The types do not fit.
        CoralError: The script cannot be loaded at all.
    """
    with Prepared(job) as prepared:
        prepared.use_types()
        waiting = None if job.quiet or not sys.stderr.isatty() else _say_that_it_takes_time
        check_types(
            prepared,
            name=job.source.name,
            limit=job.time_limit,
            patience=_PATIENCE_SECONDS,
            waiting=waiting,
        )


def _say_that_it_takes_time() -> None:
    print("coral: checking types (--no-check runs without)", file=sys.stderr, flush=True)
