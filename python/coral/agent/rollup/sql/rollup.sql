-- Deltas per minute and operation of the fresh spans. They are read once, into rows per bucket.
WITH fresh AS (
    SELECT date_trunc('minute', start_time) AS bucket_time, service_name, span_name, kind, duration_ns,
           status_code, bucket_of(duration_ns) AS bucket
    FROM {fresh_spans}
),
buckets AS MATERIALIZED (
    SELECT bucket_time, service_name, span_name, kind, bucket, count(*) AS n,
           count(*) FILTER (status_code = 'ERROR') AS errors, sum(CAST(duration_ns AS DOUBLE)) AS total_ns,
           min(duration_ns) AS least_ns, max(duration_ns) AS most_ns
    FROM fresh GROUP BY ALL
)
SELECT bucket_time, service_name, span_name, kind, CAST(sum(n) AS BIGINT) AS request_count,
       CAST(sum(errors) AS BIGINT) AS error_count, sum(total_ns) AS sum_ns,
       min(least_ns) AS min_ns, max(most_ns) AS max_ns,
       list(bucket ORDER BY bucket) AS bucket_index, list(n ORDER BY bucket) AS bucket_count
FROM buckets
GROUP BY ALL
ORDER BY ALL
