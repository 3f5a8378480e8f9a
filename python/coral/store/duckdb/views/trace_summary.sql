-- One row per trace and service: the service's part in the trace.
SELECT trace_id, service_name, min(start_time) AS start_time, max(duration_ns) AS duration_ns,
       bool_or(status_code = 'ERROR') AS has_error, count(*) AS span_count
FROM spans GROUP BY trace_id, service_name
