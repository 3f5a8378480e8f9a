-- One row per metric point; columns that a metric's kind does not have are NULL.
SELECT service_name, metric_name, metric_type, temporality, unit, time, value, count, sum, bounds, bucket_counts,
       CAST(attributes AS JSON) AS attributes, instance_id, start_time, is_monotonic, min, max, scale, zero_count,
       positive_offset, positive_counts, negative_offset, negative_counts, quantiles, quantile_values, scope_name
FROM metrics
