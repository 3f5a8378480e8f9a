SELECT service_name, metric_name, metric_type, temporality, unit, time, value, count, sum, bounds, bucket_counts,
       CAST(attributes AS JSON) AS attributes, instance_id
FROM metrics
