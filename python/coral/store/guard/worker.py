"""A query worker: runs one statement at a time in a locked, empty DuckDB over segment files.

Run as `python -m coral.store.guard.worker KIND`. The process holds no data of its own and may be
killed at any moment. What holds a statement inside, from outermost to innermost: the process limit on
address space and the parent's kill; external access switched off but for the segment files to read;
a locked configuration; a read-only transaction; one statement that must be a SELECT or EXPLAIN.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import resource
import signal
import struct
import sys
from pathlib import Path
from typing import BinaryIO, Final

import duckdb
import msgspec
import pyarrow as pa

from coral.errors import CoralError, DeniedError, QueryError
from coral.limits import MAX_SQL_BYTES, QUERY_WORKER_ADDRESS_SPACE_BYTES, QUERY_WORKER_MEMORY_BYTES
from coral.store.duckdb.catalogue import CATALOGUE, catalogue_sql
from coral.store.duckdb.migrate import load_migrations
from coral.store.duckdb.segments import parquet_list, parquet_scan
from coral.store.duckdb.tables import macros_sql, public_views, segmented_tables, view_sql, with_tiers
from coral.store.guard import protocol

_BATCH_ROWS: Final = 4096
_PR_SET_PDEATHSIG: Final = 1
_ALLOWED: Final = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)


def prepare(kind: str) -> duckdb.DuckDBPyConnection:
    """An empty database with the base tables of a store; they are replaced by views in `run`."""
    connection = duckdb.connect(":memory:")
    connection.execute(
        f"SET TimeZone='UTC'; SET threads=2; SET memory_limit='{QUERY_WORKER_MEMORY_BYTES}B';"
        " SET max_temp_directory_size='0B'; SET temp_directory=''"
    )
    for step in load_migrations(kind):
        connection.execute(step.sql)
    segmented = {table.name for table in segmented_tables(kind)}
    for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall():
        if name in segmented:
            connection.execute(f"ALTER TABLE {name} RENAME TO empty_{name}")
        else:
            connection.execute(f"DROP TABLE {name}")
    connection.execute(macros_sql())
    return connection


def run(connection: duckdb.DuckDBPyConnection, kind: str, job: protocol.Job, out: BinaryIO) -> None:
    """Runs a job and writes its answer.

    Args:
        connection: From `prepare`; good for one job.
        kind: `"agent"` or `"colony"`.
        job: The job.
        out: Where frames go.
    """
    try:
        _open_segments(connection, kind, job)
        _check(connection, job)
        outcome = _stream(connection, job, out)
    except CoralError as error:
        failure = protocol.Failure(isinstance(error, DeniedError), error.message, error.hint or "")
        _write(out, protocol.FAILED, msgspec.msgpack.encode(failure))
    except duckdb.Error as error:
        text = str(error)
        refused = isinstance(error, duckdb.PermissionException) or "read-only" in text
        _write(out, protocol.FAILED, msgspec.msgpack.encode(protocol.Failure(refused, text)))
    except MemoryError:
        failure = protocol.Failure(False, "the query needs more memory than QUERY_WORKER_ADDRESS_SPACE_BYTES")
        _write(out, protocol.FAILED, msgspec.msgpack.encode(failure))
    else:
        _write(out, protocol.END, msgspec.msgpack.encode(outcome))
    out.flush()


def _open_segments(connection: duckdb.DuckDBPyConnection, kind: str, job: protocol.Job) -> None:
    tables = segmented_tables(kind)
    allowed: list[Path] = []
    for table in tables:
        if table.tier_of is not None:
            continue
        files = [Path(path) for name in with_tiers(kind, table.name) for path in job.segments.get(name, [])]
        source = f"SELECT * FROM empty_{table.name}"
        if files:
            source += " UNION ALL BY NAME " + parquet_scan(files)
            allowed += files
        connection.execute(f"CREATE VIEW {table.name} AS {source}")
    for view in public_views(tables):
        connection.execute(f"CREATE VIEW {view} AS {view_sql(view)}")
    connection.execute(f"CREATE VIEW {CATALOGUE} AS {catalogue_sql(kind)}")
    connection.execute(f"SET allowed_paths={parquet_list(allowed)}")
    connection.execute("SET enable_external_access=false; SET lock_configuration=true")
    connection.execute("BEGIN TRANSACTION READ ONLY")


def _check(connection: duckdb.DuckDBPyConnection, job: protocol.Job) -> None:
    size = len(job.sql.encode())
    if size > MAX_SQL_BYTES:
        raise DeniedError(f"the statement has {size} bytes, the limit MAX_SQL_BYTES is {MAX_SQL_BYTES}")
    statements = connection.extract_statements(job.sql)
    if len(statements) != 1:
        raise DeniedError(
            f"the text holds {len(statements)} statements, expected exactly one",
            hint="run them one after the other",
        )
    if statements[0].type not in _ALLOWED:
        raise DeniedError(
            f"a {statements[0].type.name} statement is not allowed",
            hint="queries only read: use SELECT, WITH, FROM, DESCRIBE, SUMMARIZE or EXPLAIN",
        )
    if job.params and job.named_params:
        raise QueryError("a statement takes either ? or $name parameters, not both")


def _stream(connection: duckdb.DuckDBPyConnection, job: protocol.Job, out: BinaryIO) -> protocol.Outcome:
    params = job.named_params or job.params or None
    relation = connection.sql(job.sql, params=params)
    if relation is None:
        raise QueryError("the statement answers no rows")
    columns = [[name, str(kind)] for name, kind in zip(relation.columns, relation.types, strict=True)]
    reader = relation.to_arrow_reader(_BATCH_ROWS)
    schema = _plain(reader.schema)
    _write(out, protocol.COLUMNS, msgspec.msgpack.encode(columns))
    _write(out, protocol.SCHEMA, schema.serialize().to_pybytes())
    sent = 0
    for batch in reader:
        room = job.max_rows - sent
        if batch.num_rows > room:
            if room:
                _write_batch(out, batch.slice(0, room), schema)
            return protocol.Outcome(job.max_rows, True)
        if batch.num_rows:
            _write_batch(out, batch, schema)
            sent += batch.num_rows
    return protocol.Outcome(sent, False)


def _plain(schema: pa.Schema) -> pa.Schema:
    """The schema with dictionaries (ENUM) as their values, so that each batch stands alone."""
    return pa.schema(
        [
            field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
            for field in schema
        ]
    )


def _write_batch(out: BinaryIO, batch: pa.RecordBatch, schema: pa.Schema) -> None:
    if batch.schema != schema:
        batch = batch.cast(schema)
    payload = struct.pack(">I", batch.num_rows) + batch.serialize().to_pybytes()
    _write(out, protocol.BATCH, payload)


def _write(out: BinaryIO, kind: bytes, payload: bytes) -> None:
    out.write(protocol.HEADER.pack(kind, len(payload)))
    out.write(payload)


def _confine() -> None:
    """Ends with the parent, and bounds the address space."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    limit = QUERY_WORKER_ADDRESS_SPACE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the serving process


def main() -> None:
    """Serves jobs from stdin until it ends."""
    kind = sys.argv[1]
    _confine()
    # stdout is the channel; nothing else may write there.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while True:
        connection = prepare(kind)
        length = sys.stdin.buffer.read(4)
        if len(length) < 4:
            return
        job: protocol.Job = pickle.loads(sys.stdin.buffer.read(int.from_bytes(length, "big")))
        run(connection, kind, job, out)
        connection.close()


if __name__ == "__main__":
    main()
