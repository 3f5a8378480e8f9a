-- The merged histogram of a service's requests; the quantile is read from it by coral/model/histogram.py,
-- which is twice as fast as doing it here.
WITH entry AS MATERIALIZED (
    SELECT request_count, min_ns, max_ns, bucket_index, bucket_count FROM rollups
    WHERE service_name = $service AND kind IN ('SERVER', 'CONSUMER')
      AND bucket_time >= $start AND bucket_time < $end
),
merged AS (
    SELECT i, CAST(sum(c) AS BIGINT) AS c
    FROM (SELECT unnest(bucket_index) AS i, unnest(bucket_count) AS c FROM entry) GROUP BY i
)
SELECT CAST(coalesce(sum(request_count), 0) AS BIGINT), min(min_ns), max(max_ns),
       (SELECT list(i) FROM merged), (SELECT list(c) FROM merged)
FROM entry
