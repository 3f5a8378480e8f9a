-- CPU is the mean over the window, memory that of the newest minute.
WITH minutes AS (
    SELECT agent_id, bucket_time, sum(cpu_pct_sum) AS cpu_sum, sum(sample_count) AS n,
           sum(mem_used_sum) / sum(sample_count) AS mem_used, max(mem_total) AS mem_total,
           max(last_sample_time) AS last_sample_time
    FROM system_metrics WHERE bucket_time >= $start AND bucket_time < $end AND ($agent_id = '' OR agent_id = $agent_id)
      AND ($service = '' OR agent_id IN (SELECT agent_id FROM resources WHERE service_name = $service))
    GROUP BY agent_id, bucket_time
)
SELECT agent_id, sum(cpu_sum) / sum(n), CAST(arg_max(mem_used, bucket_time) AS BIGINT),
       arg_max(mem_total, bucket_time), max(last_sample_time)
FROM minutes GROUP BY agent_id ORDER BY agent_id
