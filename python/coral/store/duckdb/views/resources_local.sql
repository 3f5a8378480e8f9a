-- The newest description of each instance.
SELECT service_name, instance_id, agent_id, CAST(arg_max(attributes, last_seen) AS JSON) AS attributes,
       max(last_seen) AS last_seen
FROM resources GROUP BY service_name, instance_id, agent_id
