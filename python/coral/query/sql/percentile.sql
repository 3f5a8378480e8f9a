WITH entry AS (
    SELECT request_count, min_ns, max_ns, bucket_index, bucket_count FROM rollups
    WHERE service_name = $service AND kind IN ('SERVER', 'CONSUMER')
      AND bucket_time >= $start AND bucket_time < $end
),
totals AS (
    SELECT CAST(coalesce(sum(request_count), 0) AS BIGINT) AS n,
           CAST(min(min_ns) AS DOUBLE) AS smallest, CAST(max(max_ns) AS DOUBLE) AS largest
    FROM entry
),
buckets AS (
    SELECT i, sum(c) AS c FROM (SELECT unnest(bucket_index) AS i, unnest(bucket_count) AS c FROM entry) GROUP BY i
),
reach AS (SELECT i, sum(c) OVER (ORDER BY i) AS upto FROM buckets),
ranks AS (
    SELECT any_value(n) AS n, any_value(smallest) AS smallest, any_value(largest) AS largest,
           min(i) FILTER (upto > floor($q * (n - 1))) AS low, min(i) FILTER (upto > ceil($q * (n - 1))) AS high
    FROM totals, reach
)
SELECT n, between_ranks($q, n, low, high, smallest, largest) FROM ranks WHERE n > 0
