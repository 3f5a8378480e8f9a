SELECT trace_id, service_name, start_time, duration_ns, has_error, span_count FROM trace_summary
WHERE start_time >= $start AND service_name = $service AND duration_ns >= $min_ns
  AND ($after_ns IS NULL OR (duration_ns, trace_id) < ($after_ns, $after_trace))
ORDER BY duration_ns DESC, trace_id DESC LIMIT $size
