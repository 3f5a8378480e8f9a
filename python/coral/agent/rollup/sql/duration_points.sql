-- Points of HTTP server durations with ingest_seq in ($lo, $hi], oldest first.
SELECT service_name, instance_id, coalesce(scope_name, '') AS scope_name, metric_name, metric_type, temporality,
       unit, start_time, time, attributes, count, sum, min, max, bounds, bucket_counts, scale, zero_count,
       positive_offset, positive_counts, negative_counts
FROM main.metrics
WHERE ingest_seq > $lo AND ingest_seq <= $hi AND count IS NOT NULL
  AND metric_name IN ('http.server.request.duration', 'http.server.duration')
  AND metric_type IN ('HISTOGRAM', 'EXPONENTIAL_HISTOGRAM')
ORDER BY time
