"""A query worker: runs one statement at a time in a locked, empty DuckDB over files that it may read.

Run as `python -m coral.store.guard.worker KIND`. The process holds no data of its own and may be
killed at any moment. What holds a statement inside, from outermost to innermost: the process's limit on
memory and the parent's kill; external access switched off but for the files to read; a locked
configuration; a read-only transaction; and the guard, which lets through one query whose every part is on
a list (`check.py`).
"""

from __future__ import annotations

import ctypes
import os
import pickle
import resource
import signal
import struct
import sys
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, Final

import duckdb
import msgspec
import pyarrow as pa

from coral.errors import CoralError, DeniedError, MemoryLimitError, QueryError
from coral.query_limits import (
    DEFAULT_WINDOW_SECONDS,
    MAX_RESULT_ROW_BYTES,
    QueryLimits,
    how_to_raise,
)
from coral.store.guard import protocol
from coral.store.guard.arrow import plain_batch, plain_schema, readable
from coral.store.guard.check import check
from coral.store.guard.database import (
    DATASET,
    Database,
    add_windows,
    check_plan,
    fits,
    lock,
    open_dataset,
    open_segments,
    prepare,
    unlock,
    window_start,
)
from coral.store.guard.rewrite import with_windows
from coral.store.guard.tree import check_text, parse, show_tables
from coral.store.guard.windows import unconstrained

_BATCH_ROWS: Final = 8192
_MAX_BATCH_BYTES: Final = 4 * 1024 * 1024
_MAX_KEPT_BYTES: Final = 64 * 1024 * 1024  # of a statement that ended, by allocators
_PR_SET_PDEATHSIG: Final = 1
_NICE: Final = 5
_MEMORY_HINT: Final = "aggregate in SQL, select fewer columns, or narrow the time range"


def run(database: Database, job: protocol.Job, out: BinaryIO, spent_bytes: int, limits: QueryLimits) -> bool:
    """Runs a job and writes its answer.

    Args:
        database: From `prepare`.
        job: The job.
        out: Where frames go.
        spent_bytes: With more memory than this at its end, the worker says that it wants no further job.
        limits: What this worker may take.

    Returns:
        Whether the database is good for `unlock` and another job; it is when the statement ran to its end.
    """
    clean = False
    try:
        if database.kind == DATASET:
            open_dataset(database, Path(job.dataset), as_of=job.as_of, hide=job.hide)
        sql, outcome = _guarded(database, job)
        if database.kind != DATASET:  # the guard needs no rows, and names are resolved faster without
            open_segments(database, job)
        lock(database)
        if database.kind == DATASET:
            check_plan(database, sql, job.named_params or job.params or None)
        outcome = _stream(database.connection, sql, job, outcome, out)
        if database.kind == DATASET:
            database.connection.close()
        outcome = msgspec.structs.replace(outcome, spent=_data_bytes() > spent_bytes)
        _write(out, protocol.END, msgspec.msgpack.encode(outcome))
        clean = database.kind != DATASET and not outcome.rows_cut
    except CoralError as error:
        kind = next((name for name, kind in protocol.FAILURES.items() if isinstance(error, kind)), "failed")
        _fail(out, kind, error.message, error.hint or "")
    except (duckdb.OutOfMemoryException, MemoryError, pa.ArrowMemoryError):
        _no_memory(out, database, limits)
    except duckdb.PermissionException as error:
        _fail(out, "refused", f"not allowed: {_first_line(error)}", "docs/reference/sql.md says what is")
    except duckdb.Error as error:
        _fail(out, "failed", str(error).strip(), "")
    except RecursionError:
        _fail(out, "refused", "the statement is nested too deeply", "split it with WITH")
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        if "Out of Memory" in str(error):  # as Arrow says it through its C interface
            _no_memory(out, database, limits)
            out.flush()
            return False
        # What the guard does not understand it does not let through.
        _fail(
            out,
            "failed",
            f"the statement cannot be run: {error!r}",
            "write it differently, and please report it",
        )
    out.flush()
    return clean


def _guarded(database: Database, job: protocol.Job) -> tuple[str, protocol.Outcome]:
    """The statement that may run, with its windows, and an outcome that tells of them."""
    sql = job.sql
    if job.params and job.named_params:
        raise QueryError("a statement takes either ? or $name parameters, not both")
    check_text(sql)
    tree = parse(sql, database.serialise)
    shown = show_tables(tree["statements"][0]["node"])
    if shown and shown.lower() not in database.tables:
        raise DeniedError(
            f"SHOW {shown} is not allowed",
            hint="SHOW TABLES, DESCRIBE table, or SELECT from coral_tables and coral_columns",
        )
    if shown is not None:
        sql = f'DESCRIBE "{shown}"' if shown else "SELECT table_name AS name FROM coral_tables ORDER BY name"
        tree = parse(sql, database.serialise)
    parsed = check(tree, database.tables, exists=database.others.__contains__)
    nothing = protocol.Outcome(0, False)
    references = unconstrained(parsed.query, database.tables)
    window = timedelta(seconds=DEFAULT_WINDOW_SECONDS)
    start = None if not references else window_start(database, window, job.now)
    if start is not None:
        names = sorted({str(node["table_name"]).lower() for node in references})
        # Where every reference to a table gets the window, the table itself is replaced, and the text stays.
        whole = database.replaceable(names) - {
            str(node["table_name"]).lower()
            for node in parsed.tables
            if all(node is not reference for reference in references)
        }
        add_windows(database, names, whole, start)
        rest = [node for node in references if str(node["table_name"]).lower() not in whole]
        sql = with_windows(sql, tree, rest, database.serialise, database.write)
        since = start.isoformat(timespec="seconds") + "Z"
        nothing = protocol.Outcome(0, False, DEFAULT_WINDOW_SECONDS, names, since)
    return sql, nothing


def _stream(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    job: protocol.Job,
    outcome: protocol.Outcome,
    out: BinaryIO,
) -> protocol.Outcome:
    params = job.named_params or job.params or None
    relation = connection.sql(sql, params=params)
    if relation is None:
        raise QueryError("the statement answers no rows")
    columns = [[name, str(kind)] for name, kind in zip(relation.columns, relation.types, strict=True)]
    reader = readable(relation).to_arrow_reader(_BATCH_ROWS)
    schema = plain_schema(reader.schema)
    _write(out, protocol.COLUMNS, msgspec.msgpack.encode(columns))
    _write(out, protocol.SCHEMA, schema.serialize().to_pybytes())
    rows = size = 0
    for read in reader:
        for batch in _pieces(plain_batch(read, schema)):
            room = job.max_rows - rows
            if batch.num_rows > room:
                if room:
                    _write_batch(out, batch.slice(0, room))
                return msgspec.structs.replace(outcome, row_count=job.max_rows, rows_cut=True)
            size += batch.nbytes
            if size > job.max_bytes:
                return msgspec.structs.replace(outcome, row_count=rows, rows_cut=True, bytes_cut=True)
            _write_batch(out, batch)
            rows += batch.num_rows
    return msgspec.structs.replace(outcome, row_count=rows)


def _pieces(batch: pa.RecordBatch) -> list[pa.RecordBatch]:
    """The batch in pieces that are small enough for a message."""
    if batch.num_rows == 0:
        return []
    if batch.nbytes <= _MAX_BATCH_BYTES:
        return [batch]
    if batch.num_rows == 1:
        if batch.nbytes > MAX_RESULT_ROW_BYTES:
            raise MemoryLimitError(
                f"a row of the answer has {batch.nbytes >> 20} MiB, the limit MAX_RESULT_ROW_BYTES is"
                f" {MAX_RESULT_ROW_BYTES >> 20} MiB",
                hint="select fewer or shorter columns",
            )
        return [batch]
    half = batch.num_rows // 2
    return _pieces(batch.slice(0, half)) + _pieces(batch.slice(half))


def _write_batch(out: BinaryIO, batch: pa.RecordBatch) -> None:
    payload = struct.pack(">I", batch.num_rows) + batch.serialize().to_pybytes()
    _write(out, protocol.BATCH, payload)


def _fail(out: BinaryIO, kind: str, message: str, hint: str) -> None:
    _write(out, protocol.FAILED, msgspec.msgpack.encode(protocol.Failure(kind, message, hint)))


def _no_memory(out: BinaryIO, database: Database, limits: QueryLimits) -> None:
    message = (
        f"the query needs more memory than a worker has ({limits.worker_memory >> 20} MiB, the limit"
        " query.worker_memory)"
    )
    more = "" if database.kind == DATASET else f"; {how_to_raise('worker_memory')}"
    _fail(out, "memory", message, _MEMORY_HINT + more)


def _data_bytes() -> int:
    """What RLIMIT_DATA counts of this process."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[5]) * resource.getpagesize()


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def _write(out: BinaryIO, kind: bytes, payload: bytes) -> None:
    out.write(protocol.HEADER.pack(kind, len(payload)))
    out.write(payload)


def _confine(limits: QueryLimits) -> None:
    """Ends with the parent, bounds the memory, and gives way to the serving process."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_DATA, (limits.worker_memory, limits.worker_memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(_NICE)
    sys.setrecursionlimit(5000)  # trees of long statements are deep; the checker calls itself
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the serving process


def main() -> None:
    """Serves jobs from stdin until it ends."""
    kind = sys.argv[1]
    limits = QueryLimits(worker_memory=int(sys.argv[2]))
    _confine(limits)
    # stdout is the channel; nothing else may write there.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    database = prepare(kind, limits.duckdb_memory)
    spent_bytes = _data_bytes() + _MAX_KEPT_BYTES
    while True:
        length = sys.stdin.buffer.read(4)
        if len(length) < 4:
            return
        job: protocol.Job = pickle.loads(sys.stdin.buffer.read(int.from_bytes(length, "big")))
        if not fits(database, job):
            database.connection.close()
            database = prepare(kind, limits.duckdb_memory)
        if not (run(database, job, out, spent_bytes, limits) and unlock(database)):
            database.connection.close()
            database = prepare(kind, limits.duckdb_memory)


if __name__ == "__main__":
    main()
