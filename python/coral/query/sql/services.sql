SELECT service_name, max(last_seen), count(DISTINCT (agent_id, instance_id))
FROM resources WHERE service_name > $after AND last_seen >= $start
GROUP BY service_name ORDER BY service_name LIMIT $size
