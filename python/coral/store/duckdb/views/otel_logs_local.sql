SELECT time, service_name, severity, severity_number, body, trace_id, span_id,
       CAST(attributes AS JSON) AS attributes, scope_name, event_name, instance_id
FROM logs
