from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from coral.query.dataset import Dataset

RECORDING = [
    """CREATE TABLE otel_spans_local AS
       SELECT md5((i // 4)::VARCHAR) AS trace_id, substr(md5(i::VARCHAR || 's'), 1, 16) AS span_id,
              CASE WHEN i % 4 = 0 THEN '' ELSE substr(md5((i - 1)::VARCHAR || 's'), 1, 16) END AS parent_span_id,
              (['payments', 'checkout', 'cart', 'search'])[1 + i % 4] AS service_name,
              (['GET /pay', 'POST /order', 'GET /cart', 'query'])[1 + i % 4] AS span_name,
              (['SERVER', 'CLIENT', 'INTERNAL', 'PRODUCER', 'CONSUMER'])[1 + i % 5] AS kind,
              TIMESTAMP '2026-03-01 10:00:00' + to_milliseconds(i * 700 + (i * 37) % 500) AS start_time,
              1000000 + (i * 7919 * 7919) % 900000000 AS duration_ns,
              (['OK', 'UNSET', 'OK', 'OK', 'ERROR', 'UNSET', 'OK'])[1 + i % 7] AS status_code,
              json_object('http.status_code', 200 + 100 * (i % 4), 'region', (['eu', 'us'])[1 + i % 2],
                          'items', json_array(i, i + 1), 'nested', json_object('deep', i % 11)) AS attributes
       FROM range(4000) t(i)""",
    """CREATE TABLE service_summary AS
       SELECT time_bucket(INTERVAL 1 MINUTE, start_time) AS bucket_time, service_name,
              count(*) AS request_count, count(*) FILTER (status_code = 'ERROR') AS error_count,
              count(*) FILTER (status_code = 'ERROR') / count(*) AS error_rate,
              quantile_cont(duration_ns, 0.5) / 1e6 AS p50_ms, quantile_cont(duration_ns, 0.95) / 1e6 AS p95_ms,
              quantile_cont(duration_ns, 0.99) / 1e6 AS p99_ms
       FROM otel_spans_local GROUP BY ALL ORDER BY ALL""",
    """CREATE TABLE trace_summary AS
       SELECT trace_id, service_name, min(start_time) AS start_time, max(duration_ns) AS duration_ns,
              bool_or(status_code = 'ERROR') AS has_error, count(*) AS span_count
       FROM otel_spans_local GROUP BY ALL ORDER BY ALL""",
    """CREATE TABLE system_metrics_rollup AS
       SELECT bucket_time, 'agent-' || a AS agent_id, 10.0 + (a * 13 + epoch(bucket_time)::BIGINT // 60) % 80 AS cpu_pct,
              1000000000::BIGINT * a AS mem_used, 8000000000::BIGINT AS mem_total
       FROM generate_series(TIMESTAMP '2026-03-01 10:00:00', TIMESTAMP '2026-03-01 10:46:00', INTERVAL 1 MINUTE)
            b(bucket_time), range(1, 4) r(a)""",
    """CREATE TABLE beyla_http_metrics AS
       SELECT bucket_time AS "timestamp", service_name, '/r' || request_count % 3 AS http_route, error_rate, p99_ms
       FROM service_summary""",
    """CREATE TABLE resources_local AS
       SELECT s AS service_name, s || '-' || n AS instance_id, 'agent-' || n AS agent_id,
              json_object('config.hash', md5((n % 2)::VARCHAR)) AS attributes,
              TIMESTAMP '2026-03-01 10:40:00' AS last_seen
       FROM (VALUES ('payments'), ('cart')) v(s), range(1, 4) r(n)""",
    "CREATE TABLE secrets AS SELECT 'hunter2-the-secret' AS password",
    "CREATE TABLE scripts AS SELECT 'hunter2-the-secret' AS code",
    "CREATE VIEW leak AS SELECT * FROM secrets",
    "CREATE MACRO steal() AS (SELECT password FROM secrets)",
    "CREATE MACRO lower(x) AS 'hunter2-the-secret'",
    "CREATE TYPE mood AS ENUM ('hunter2-the-secret')",
    "CREATE SEQUENCE s",
]


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """46 minutes of an old day in the public schema, and tables beside it that nobody may read."""
    path = tmp_path_factory.mktemp("recording") / "incident.duckdb"
    with duckdb.connect(str(path)) as connection:
        for statement in RECORDING:
            connection.execute(statement)
    return path


@pytest.fixture(scope="session")
def dataset(recording: Path) -> Iterator[Dataset]:
    with Dataset(recording) as opened:
        yield opened
