-- Requests per minute and service, for the minutes that are kept in memory.
WITH entry AS MATERIALIZED (
    SELECT date_trunc('minute', bucket_time) AS bucket_minute, service_name, kind = 'METRIC' AS from_metrics,
           request_count, error_count, min_ns, max_ns, bucket_index, bucket_count
    FROM rollups
    WHERE kind IN ('SERVER', 'CONSUMER', 'METRIC') AND bucket_time >= $start AND bucket_time < $end
      AND request_count > 0
),
totals AS (
    SELECT bucket_minute, service_name, from_metrics, CAST(sum(request_count) AS BIGINT) AS n,
           CAST(sum(error_count) AS BIGINT) AS errors, min(min_ns) AS smallest, max(max_ns) AS largest
    FROM entry GROUP BY ALL
),
buckets AS (
    SELECT bucket_minute, service_name, from_metrics, i, CAST(sum(c) AS BIGINT) AS c
    FROM (SELECT bucket_minute, service_name, from_metrics, unnest(bucket_index) AS i, unnest(bucket_count) AS c FROM entry)
    GROUP BY ALL
),
lists AS (
    SELECT bucket_minute, service_name, from_metrics, list(i) AS indexes, list(c) AS counts FROM buckets GROUP BY ALL
)
SELECT bucket_minute, service_name, from_metrics, n, errors, smallest, largest,
       coalesce(indexes, []) AS indexes, coalesce(counts, []) AS counts
FROM totals LEFT JOIN lists USING (bucket_minute, service_name, from_metrics)
