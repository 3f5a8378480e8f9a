-- The slowest and the failed spans of each service among the fresh ones.
SELECT service_name,
       arg_max(trace_id, duration_ns, $per_service), max(duration_ns, $per_service),
       arg_max(trace_id, duration_ns, $per_service) FILTER (status_code = 'ERROR'),
       max(duration_ns, $per_service) FILTER (status_code = 'ERROR')
FROM {fresh_spans}
GROUP BY service_name
