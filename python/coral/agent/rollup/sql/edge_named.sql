-- Calls that are known by their attributes alone: to a database at once, to a named peer when its side of the
-- call did not show up here in time.
SELECT service_name AS caller, database AS callee, bucket_time, duration_ns, failed,
       CAST($weight AS BIGINT) AS weight
FROM edge_examined WHERE database IS NOT NULL
UNION ALL
SELECT service_name, peer, bucket_time, duration_ns, failed, weight
FROM main.edge_calls
WHERE (seen_at < $oldest OR seen_at > $newest) AND key NOT IN (SELECT parent_key FROM edge_matched)
