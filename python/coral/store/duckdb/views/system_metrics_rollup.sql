-- One row per agent and minute: means of the samples.
SELECT bucket_time, agent_id, sum(cpu_pct_sum) / sum(sample_count) AS cpu_pct,
       CAST(sum(mem_used_sum) / sum(sample_count) AS BIGINT) AS mem_used, max(mem_total) AS mem_total,
       CAST(sum(sample_count) AS BIGINT) AS sample_count
FROM system_metrics GROUP BY bucket_time, agent_id
