-- The newest description of each instance.
SELECT max(ingest_seq) AS ingest_seq, agent_id, service_name, instance_id,
       arg_max(attributes, last_seen) AS attributes, max(last_seen) AS last_seen
FROM ({source}) GROUP BY ALL ORDER BY service_name, instance_id, agent_id
