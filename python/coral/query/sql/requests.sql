SELECT CAST(coalesce(sum(request_count), 0) AS BIGINT), CAST(coalesce(sum(error_count), 0) AS BIGINT)
FROM rollups
WHERE service_name = $service AND kind IN ('SERVER', 'CONSUMER') AND bucket_time >= $start AND bucket_time < $end
