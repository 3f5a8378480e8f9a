-- Log records per service, minute and severity.
SELECT bucket_time, service_name, severity, CAST(sum(record_count) AS BIGINT) AS record_count
FROM log_counts GROUP BY bucket_time, service_name, severity
