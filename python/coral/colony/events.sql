SELECT ingest_seq, event_id, name, severity, data, event_time, received_at, execution_id, script_name, agent_id, script_id
FROM script_events
WHERE received_at >= $start AND ingest_seq > $after AND severity >= $min_severity
  AND ($name = '' OR name = $name) AND ($execution_id = '' OR execution_id = $execution_id)
  AND ($last_seq IS NULL OR (ingest_seq, event_id) < ($last_seq::BIGINT, $last_id))
ORDER BY ingest_seq DESC, event_id DESC LIMIT $size
