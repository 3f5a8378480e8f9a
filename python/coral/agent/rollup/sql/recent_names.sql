-- Names that were rolled up since a time. Those with the most requests come first.
SELECT service_name, span_name
FROM (
    SELECT service_name, span_name, CAST(sum(request_count) AS BIGINT) AS n
    FROM rollups WHERE bucket_time >= $since GROUP BY ALL
    UNION ALL
    SELECT service_name, NULL, CAST(sum(record_count) AS BIGINT)
    FROM log_counts WHERE bucket_time >= $since GROUP BY ALL
)
ORDER BY n DESC, service_name, span_name
