-- One row per service, route and minute, from HTTP server duration metrics (Beyla, OBI or an SDK).
WITH measured AS (
    SELECT bucket_time, service_name, span_name AS http_route, request_count, error_count, min_ns, max_ns,
           bucket_index, bucket_count
    FROM rollups WHERE kind = 'METRIC'
),
totals AS (
    SELECT bucket_time, service_name, http_route,
           CAST(sum(request_count) AS BIGINT) AS n, CAST(sum(error_count) AS BIGINT) AS errors,
           CAST(min(min_ns) AS DOUBLE) AS smallest, CAST(max(max_ns) AS DOUBLE) AS largest
    FROM measured GROUP BY bucket_time, service_name, http_route
),
buckets AS (
    SELECT bucket_time, service_name, http_route, i, sum(c) AS c
    FROM (SELECT bucket_time, service_name, http_route, unnest(bucket_index) AS i, unnest(bucket_count) AS c
          FROM measured)
    GROUP BY bucket_time, service_name, http_route, i
),
reach AS (
    SELECT bucket_time, service_name, http_route, i,
           sum(c) OVER (PARTITION BY bucket_time, service_name, http_route ORDER BY i) AS upto
    FROM buckets
),
ranks AS (
    SELECT t.bucket_time, t.service_name, t.http_route, any_value(t.n) AS n, any_value(t.errors) AS errors,
           any_value(t.smallest) AS smallest, any_value(t.largest) AS largest,
           min(i) FILTER (upto > floor(0.99 * (n - 1))) AS low99, min(i) FILTER (upto > ceil(0.99 * (n - 1))) AS high99
    FROM totals t JOIN reach r
      ON t.bucket_time = r.bucket_time AND t.service_name = r.service_name AND t.http_route = r.http_route
    GROUP BY t.bucket_time, t.service_name, t.http_route
)
SELECT bucket_time AS "timestamp", service_name, http_route, n AS request_count, errors / n AS error_rate,
       between_ranks(0.99, n, low99, high99, smallest, largest) / 1e6 AS p99_ms
FROM ranks
