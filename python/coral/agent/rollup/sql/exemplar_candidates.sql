-- The slowest and the failed spans of each service among those with ingest_seq in ($lo, $hi].
SELECT service_name,
       arg_max(trace_id, duration_ns, $per_service), max(duration_ns, $per_service),
       arg_max(trace_id, duration_ns, $per_service) FILTER (status_code = 'ERROR'),
       max(duration_ns, $per_service) FILTER (status_code = 'ERROR')
FROM main.spans WHERE ingest_seq > $lo AND ingest_seq <= $hi
GROUP BY service_name
