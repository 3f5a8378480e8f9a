SELECT max(ingest_seq) AS ingest_seq, '' AS agent_id,
       time_bucket(INTERVAL '{width}', bucket_time) AS bucket_time, service_name, severity,
       CAST(sum(record_count) AS BIGINT) AS record_count
FROM ({source}) GROUP BY ALL ORDER BY service_name, bucket_time, severity
