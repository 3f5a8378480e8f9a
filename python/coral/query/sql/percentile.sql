-- The merged histograms of a service's requests, from spans and from metrics; the quantile is read from
-- one of them by coral/model/histogram.py, which is twice as fast as doing it here.
WITH entry AS MATERIALIZED (
    SELECT kind = 'METRIC' AS from_metrics, request_count, error_count, min_ns, max_ns, bucket_index, bucket_count
    FROM rollups
    WHERE service_name = $service AND kind IN ('SERVER', 'CONSUMER', 'METRIC') AND request_count > 0
      AND bucket_time >= $start AND bucket_time < $end
),
merged AS (
    SELECT from_metrics, i, CAST(sum(c) AS BIGINT) AS c
    FROM (SELECT from_metrics, unnest(bucket_index) AS i, unnest(bucket_count) AS c FROM entry) GROUP BY ALL
),
lists AS (
    SELECT from_metrics, list(i) AS indexes, list(c) AS counts FROM merged GROUP BY from_metrics
),
totals AS (
    SELECT from_metrics, CAST(sum(request_count) AS BIGINT) AS n, CAST(sum(error_count) AS BIGINT) AS errors,
           min(min_ns) AS smallest, max(max_ns) AS largest
    FROM entry GROUP BY from_metrics
)
SELECT from_metrics, n, errors, smallest, largest, coalesce(indexes, []), coalesce(counts, [])
FROM totals LEFT JOIN lists USING (from_metrics)
