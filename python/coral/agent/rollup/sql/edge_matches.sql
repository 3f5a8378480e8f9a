-- Calls whose later side is among the examined spans (relation edge_examined): each child once, with its
-- parent's service as the caller. A child of the same service is a call only if its parent made one.
WITH children AS (
    SELECT parent_key, service_name, bucket_time, duration_ns, failed, CAST($weight AS BIGINT) AS weight,
           true AS is_fresh, key AS child_key
    FROM edge_examined WHERE parent_key IS NOT NULL
    UNION ALL
    SELECT parent_key, service_name, bucket_time, duration_ns, failed, weight, false, 0
    FROM main.edge_children WHERE seen_at >= $oldest AND seen_at <= $newest
),
parents AS (
    SELECT key, service_name, calls, CAST($weight AS BIGINT) AS weight, true AS is_fresh
    FROM edge_examined WHERE database IS NULL
    UNION ALL
    SELECT key, service_name, calls, weight, false FROM main.edge_parents
    WHERE seen_at >= $oldest AND seen_at <= $newest AND key NOT IN (SELECT key FROM edge_examined)
)
SELECT p.key AS parent_key, c.child_key, p.service_name AS caller, c.service_name AS callee, c.bucket_time,
       c.duration_ns, c.failed, greatest(c.weight, p.weight) AS weight,
       p.calls OR p.service_name != c.service_name AS is_call
FROM children c JOIN parents p ON c.parent_key = p.key
WHERE c.is_fresh OR p.is_fresh
