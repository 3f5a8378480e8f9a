-- Single samples of this host; rates over the time since the sample before.
SELECT time, cpu_pct, mem_used, mem_total, load1,
       disk_read_bytes / seconds AS disk_read_bytes_per_s, disk_write_bytes / seconds AS disk_write_bytes_per_s,
       net_receive_bytes / seconds AS net_receive_bytes_per_s, net_transmit_bytes / seconds AS net_transmit_bytes_per_s
FROM host_samples
