-- One row per agent and minute: means of the samples, bytes transferred within the minute.
SELECT bucket_time, agent_id, sum(cpu_pct_sum) / sum(sample_count) AS cpu_pct,
       CAST(sum(mem_used_sum) / sum(sample_count) AS BIGINT) AS mem_used, max(mem_total) AS mem_total,
       CAST(sum(sample_count) AS BIGINT) AS sample_count,
       sum(load1_sum) / sum(sample_count) FILTER (load1_sum IS NOT NULL) AS load1,
       CAST(sum(disk_read_bytes) AS BIGINT) AS disk_read_bytes,
       CAST(sum(disk_write_bytes) AS BIGINT) AS disk_write_bytes,
       CAST(sum(net_receive_bytes) AS BIGINT) AS net_receive_bytes,
       CAST(sum(net_transmit_bytes) AS BIGINT) AS net_transmit_bytes
FROM system_metrics GROUP BY bucket_time, agent_id
