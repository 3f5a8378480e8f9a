SELECT trace_id, service_name, start_time, duration_ns, has_error, span_count FROM trace_summary
WHERE start_time >= $start AND ($service = '' OR service_name = $service)
  AND duration_ns >= $min_ns AND duration_ns <= $max_ns
  AND ($has_error IS NULL OR has_error = $has_error)
  AND ($after_time IS NULL OR (start_time, trace_id, service_name) < ($after_time::TIMESTAMP, $after_trace, $after_service))
ORDER BY start_time DESC, trace_id DESC, service_name DESC LIMIT $size
