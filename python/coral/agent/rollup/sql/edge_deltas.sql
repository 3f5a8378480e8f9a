-- Deltas per minute, caller and callee (relation edge_found: one row per call, standing for `weight` calls).
WITH busiest AS (
    SELECT caller, callee FROM edge_found GROUP BY ALL ORDER BY sum(weight) DESC, caller, callee LIMIT $most
),
calls AS (
    SELECT f.* EXCLUDE (callee), CASE WHEN b.callee IS NULL THEN '__overflow__' ELSE f.callee END AS callee,
           bucket_of(f.duration_ns) AS bucket
    FROM edge_found f LEFT JOIN busiest b ON f.caller = b.caller AND f.callee = b.callee
),
buckets AS (
    SELECT bucket_time, caller, callee, bucket, CAST(sum(weight) AS BIGINT) AS n FROM calls GROUP BY ALL
),
lists AS (
    SELECT bucket_time, caller, callee, list(bucket ORDER BY bucket) AS bucket_index,
           list(n ORDER BY bucket) AS bucket_count
    FROM buckets GROUP BY ALL
),
totals AS (
    SELECT bucket_time, caller, callee, CAST(sum(weight) AS BIGINT) AS request_count,
           CAST(coalesce(sum(weight) FILTER (failed), 0) AS BIGINT) AS error_count,
           sum(CAST(duration_ns AS DOUBLE) * weight) AS sum_ns,
           min(duration_ns) AS min_ns, max(duration_ns) AS max_ns
    FROM calls GROUP BY ALL
)
SELECT * FROM totals JOIN lists USING (bucket_time, caller, callee) ORDER BY ALL
