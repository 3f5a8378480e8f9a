-- Histograms of the same edge and bucket, added up. {source} is the rows, {width} the bucket.
WITH entry AS MATERIALIZED (
    SELECT * REPLACE (time_bucket(INTERVAL '{width}', bucket_time) AS bucket_time) FROM ({source})
),
totals AS (
    SELECT bucket_time, caller, callee, max(ingest_seq) AS ingest_seq,
           CAST(sum(request_count) AS BIGINT) AS request_count, CAST(sum(error_count) AS BIGINT) AS error_count,
           sum(sum_ns) AS sum_ns, min(min_ns) AS min_ns, max(max_ns) AS max_ns
    FROM entry GROUP BY ALL
),
buckets AS (
    SELECT bucket_time, caller, callee, i, CAST(sum(c) AS BIGINT) AS c
    FROM (SELECT bucket_time, caller, callee, unnest(bucket_index) AS i, unnest(bucket_count) AS c FROM entry)
    GROUP BY ALL
),
lists AS (
    SELECT bucket_time, caller, callee, list(i ORDER BY i) AS bucket_index, list(c ORDER BY i) AS bucket_count
    FROM buckets GROUP BY ALL
)
SELECT t.ingest_seq, '' AS agent_id, bucket_time, caller, callee, t.request_count, t.error_count, t.sum_ns, t.min_ns,
       t.max_ns, coalesce(l.bucket_index, []) AS bucket_index, coalesce(l.bucket_count, []) AS bucket_count
FROM totals t LEFT JOIN lists l USING (bucket_time, caller, callee)
ORDER BY caller, callee, bucket_time
