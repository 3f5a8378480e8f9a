SELECT trace_id, span_id, parent_span_id, service_name, span_name, kind, start_time, duration_ns, status_code,
       CAST(attributes AS JSON) AS attributes, instance_id, agent_id, sample_weight
FROM spans
