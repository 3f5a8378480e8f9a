-- The merged histograms of a service's requests, from spans and from metrics, one per step.
WITH entry AS MATERIALIZED (
    SELECT time_bucket($step::INTERVAL, bucket_time, TIMESTAMP '1970-01-01') AS step_start, kind = 'METRIC' AS from_metrics,
           request_count, error_count, min_ns, max_ns, bucket_index, bucket_count
    FROM rollups
    WHERE service_name = $service AND kind IN ('SERVER', 'CONSUMER', 'METRIC') AND request_count > 0
      AND bucket_time >= $start AND bucket_time < $end
),
merged AS (
    SELECT step_start, from_metrics, i, CAST(sum(c) AS BIGINT) AS c
    FROM (SELECT step_start, from_metrics, unnest(bucket_index) AS i, unnest(bucket_count) AS c FROM entry) GROUP BY ALL
),
lists AS (
    SELECT step_start, from_metrics, list(i) AS indexes, list(c) AS counts FROM merged GROUP BY ALL
),
totals AS (
    SELECT step_start, from_metrics, CAST(sum(request_count) AS BIGINT) AS n,
           CAST(sum(error_count) AS BIGINT) AS errors, min(min_ns) AS smallest, max(max_ns) AS largest
    FROM entry GROUP BY ALL
)
SELECT step_start, from_metrics, n, errors, smallest, largest, coalesce(indexes, []), coalesce(counts, [])
FROM totals LEFT JOIN lists USING (step_start, from_metrics)
