-- One row per service and minute (older ones per longer bucket), from SERVER and CONSUMER spans, or from
-- metrics of requests where the service has no such span in that bucket; never from both.
WITH entry AS (
    SELECT bucket_time, service_name, kind = 'METRIC' AS from_metrics, request_count, error_count, min_ns, max_ns,
           bucket_index, bucket_count
    FROM rollups WHERE kind IN ('SERVER', 'CONSUMER', 'METRIC') AND request_count > 0
),
totals AS (
    SELECT bucket_time, service_name, from_metrics,
           CAST(sum(request_count) AS BIGINT) AS n, CAST(sum(error_count) AS BIGINT) AS errors,
           CAST(min(min_ns) AS DOUBLE) AS smallest, CAST(max(max_ns) AS DOUBLE) AS largest
    FROM entry GROUP BY bucket_time, service_name, from_metrics
),
buckets AS (
    SELECT bucket_time, service_name, from_metrics, i, sum(c) AS c
    FROM (SELECT bucket_time, service_name, from_metrics, unnest(bucket_index) AS i, unnest(bucket_count) AS c
          FROM entry)
    GROUP BY bucket_time, service_name, from_metrics, i
),
reach AS (
    SELECT bucket_time, service_name, from_metrics, i,
           sum(c) OVER (PARTITION BY bucket_time, service_name, from_metrics ORDER BY i) AS upto
    FROM buckets
),
ranks AS (
    SELECT t.bucket_time, t.service_name, t.from_metrics, any_value(t.n) AS n, any_value(t.errors) AS errors,
           any_value(t.smallest) AS smallest, any_value(t.largest) AS largest,
           min(i) FILTER (upto > floor(0.50 * (n - 1))) AS low50, min(i) FILTER (upto > ceil(0.50 * (n - 1))) AS high50,
           min(i) FILTER (upto > floor(0.95 * (n - 1))) AS low95, min(i) FILTER (upto > ceil(0.95 * (n - 1))) AS high95,
           min(i) FILTER (upto > floor(0.99 * (n - 1))) AS low99, min(i) FILTER (upto > ceil(0.99 * (n - 1))) AS high99
    FROM totals t JOIN reach r
      ON t.bucket_time = r.bucket_time AND t.service_name = r.service_name AND t.from_metrics = r.from_metrics
    GROUP BY t.bucket_time, t.service_name, t.from_metrics
)
SELECT bucket_time, service_name, n AS request_count, errors AS error_count, errors / n AS error_rate,
       between_ranks(0.50, n, low50, high50, smallest, largest) / 1e6 AS p50_ms,
       between_ranks(0.95, n, low95, high95, smallest, largest) / 1e6 AS p95_ms,
       between_ranks(0.99, n, low99, high99, smallest, largest) / 1e6 AS p99_ms
FROM ranks
QUALIFY NOT from_metrics OR count(*) OVER (PARTITION BY bucket_time, service_name) = 1
