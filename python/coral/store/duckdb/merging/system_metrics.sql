-- A mean is a sum by a count, so both are kept. Samples without a load are not merged with those that have one.
SELECT max(ingest_seq) AS ingest_seq, agent_id, time_bucket(INTERVAL '{width}', bucket_time) AS bucket_time,
       CAST(sum(sample_count) AS BIGINT) AS sample_count, sum(cpu_pct_sum) AS cpu_pct_sum,
       sum(mem_used_sum) AS mem_used_sum, max(mem_total) AS mem_total, max(last_sample_time) AS last_sample_time,
       sum(load1_sum) AS load1_sum, CAST(sum(disk_read_bytes) AS BIGINT) AS disk_read_bytes,
       CAST(sum(disk_write_bytes) AS BIGINT) AS disk_write_bytes,
       CAST(sum(net_receive_bytes) AS BIGINT) AS net_receive_bytes,
       CAST(sum(net_transmit_bytes) AS BIGINT) AS net_transmit_bytes
FROM ({source})
GROUP BY agent_id, time_bucket(INTERVAL '{width}', bucket_time), load1_sum IS NULL
ORDER BY agent_id, bucket_time
