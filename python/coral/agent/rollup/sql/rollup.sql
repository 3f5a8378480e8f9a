-- Deltas per minute and operation of the fresh spans.
WITH fresh AS (
    SELECT date_trunc('minute', start_time) AS bucket_time, service_name, span_name, kind, duration_ns,
           status_code, bucket_of(duration_ns) AS bucket
    FROM {fresh_spans}
),
buckets AS (
    SELECT bucket_time, service_name, span_name, kind, bucket, count(*) AS n
    FROM fresh GROUP BY ALL
),
lists AS (
    SELECT bucket_time, service_name, span_name, kind,
           list(bucket ORDER BY bucket) AS bucket_index, list(n ORDER BY bucket) AS bucket_count
    FROM buckets GROUP BY ALL
),
totals AS (
    SELECT bucket_time, service_name, span_name, kind, count(*) AS request_count,
           count(*) FILTER (status_code = 'ERROR') AS error_count, sum(CAST(duration_ns AS DOUBLE)) AS sum_ns,
           min(duration_ns) AS min_ns, max(duration_ns) AS max_ns
    FROM fresh GROUP BY ALL
)
SELECT bucket_time, service_name, span_name, kind, request_count, error_count, sum_ns, min_ns, max_ns,
       bucket_index, bucket_count
FROM totals JOIN lists USING (bucket_time, service_name, span_name, kind)
ORDER BY ALL
