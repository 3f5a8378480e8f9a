SELECT trace_id, span_id, parent_span_id, service_name, span_name, kind, start_time, duration_ns, status_code, attributes
FROM spans WHERE trace_id = $trace_id ORDER BY start_time, span_id
