SELECT kind = 'METRIC' AS from_metrics, CAST(sum(request_count) AS BIGINT), CAST(sum(error_count) AS BIGINT),
       min(min_ns), max(max_ns), CAST([] AS INTEGER[]), CAST([] AS BIGINT[])
FROM rollups
WHERE service_name = $service AND kind IN ('SERVER', 'CONSUMER', 'METRIC') AND request_count > 0
  AND bucket_time >= $start AND bucket_time < $end
GROUP BY 1
