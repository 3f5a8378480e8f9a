"""Writes duckdb_types.json: one row of every SQL type as DuckDB's own Arrow output.

Run it again when the pinned DuckDB changes:  python duckdb_types.py > duckdb_types.json
"""

from __future__ import annotations

import base64
import json

import duckdb
import pyarrow as pa

_SQL = """
SELECT 1::INTEGER AS int, 5::BIGINT AS bigint, 9223372036854775807::BIGINT AS huge_bigint,
    18446744073709551615::UBIGINT AS ubigint, sum(7) AS hugeint, 1.25::DECIMAL(10, 2) AS decimal,
    -12345678901234567890.05::DECIMAL(38, 2) AS wide_decimal, TRUE AS bool, 'x' AS text,
    '{"a":1}'::JSON AS json, 1.5::FLOAT AS float, NULL::INTEGER AS nothing, 'b'::ENUM('a', 'b') AS enum,
    TIMESTAMP '2026-01-02 03:04:05.678901' AS timestamp,
    TIMESTAMP_NS '2026-01-02 03:04:05.678901234' AS timestamp_ns,
    DATE '2026-01-02' AS date, TIME '10:00:01.5' AS time, INTERVAL '1 month 2 days 3 seconds' AS interval,
    '12345678-1234-1234-1234-123456789abc'::UUID AS uuid, 'ab'::BLOB AS blob,
    [1::BIGINT, NULL, 3] AS list, [[1, 2], []] AS lists, {'a': 5::BIGINT, 'b': [sum(1)]} AS struct,
    MAP {'k': 9::BIGINT} AS map, 1 AS same, 2 AS same
"""


def main() -> None:
    """Prints the IPC stream as JSON with its parts in base64."""
    connection = duckdb.connect()
    table = connection.sql(_SQL).to_arrow_table()
    schema = table.schema.serialize()
    stream = pa.BufferOutputStream()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    batch = stream.getvalue().to_pybytes()[schema.size :]
    parts = {"schema": schema.to_pybytes(), "batch": batch}
    print(json.dumps({name: base64.b64encode(part).decode() for name, part in parts.items()}, indent=2))


if __name__ == "__main__":
    main()
