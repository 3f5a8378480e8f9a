-- Calls from one service to another, per minute (older ones per longer bucket); latency as the callee saw it.
WITH totals AS (
    SELECT bucket_time, caller, callee, CAST(sum(request_count) AS BIGINT) AS n,
           CAST(sum(error_count) AS BIGINT) AS errors, CAST(min(min_ns) AS DOUBLE) AS smallest,
           CAST(max(max_ns) AS DOUBLE) AS largest
    FROM service_edges GROUP BY bucket_time, caller, callee
),
buckets AS (
    SELECT bucket_time, caller, callee, i, sum(c) AS c
    FROM (SELECT bucket_time, caller, callee, unnest(bucket_index) AS i, unnest(bucket_count) AS c FROM service_edges)
    GROUP BY bucket_time, caller, callee, i
),
reach AS (
    SELECT bucket_time, caller, callee, i,
           sum(c) OVER (PARTITION BY bucket_time, caller, callee ORDER BY i) AS upto
    FROM buckets
),
ranks AS (
    SELECT t.bucket_time, t.caller, t.callee, any_value(t.n) AS n, any_value(t.errors) AS errors,
           any_value(t.smallest) AS smallest, any_value(t.largest) AS largest,
           min(i) FILTER (upto > floor(0.50 * (n - 1))) AS low50, min(i) FILTER (upto > ceil(0.50 * (n - 1))) AS high50,
           min(i) FILTER (upto > floor(0.95 * (n - 1))) AS low95, min(i) FILTER (upto > ceil(0.95 * (n - 1))) AS high95,
           min(i) FILTER (upto > floor(0.99 * (n - 1))) AS low99, min(i) FILTER (upto > ceil(0.99 * (n - 1))) AS high99
    FROM totals t JOIN reach r ON t.bucket_time = r.bucket_time AND t.caller = r.caller AND t.callee = r.callee
    GROUP BY t.bucket_time, t.caller, t.callee
)
SELECT bucket_time, caller, callee, n AS request_count, errors AS error_count, errors / n AS error_rate,
       between_ranks(0.50, n, low50, high50, smallest, largest) / 1e6 AS p50_ms,
       between_ranks(0.95, n, low95, high95, smallest, largest) / 1e6 AS p95_ms,
       between_ranks(0.99, n, low99, high99, smallest, largest) / 1e6 AS p99_ms
FROM ranks
