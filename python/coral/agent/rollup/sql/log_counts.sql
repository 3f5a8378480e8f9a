-- Log records per service, minute and severity with ingest_seq in ($lo, $hi].
SELECT date_trunc('minute', time) AS bucket_time, service_name, severity, count(*) AS record_count
FROM main.logs WHERE ingest_seq > $lo AND ingest_seq <= $hi
GROUP BY ALL ORDER BY ALL
