-- `overflow_rows` with the rows of `overflow_names` merged under the name $name.
WITH renamed AS (
    SELECT r.* REPLACE (n.new_service AS service_name, CAST($name AS VARCHAR) AS span_name)
    FROM overflow_rows r JOIN overflow_names n USING (service_name, span_name)
),
buckets AS (
    SELECT bucket_time, service_name, span_name, kind, i, CAST(sum(c) AS BIGINT) AS c
    FROM (SELECT bucket_time, service_name, span_name, kind, unnest(bucket_index) AS i, unnest(bucket_count) AS c
          FROM renamed)
    GROUP BY ALL
),
lists AS (
    SELECT bucket_time, service_name, span_name, kind,
           list(i ORDER BY i) AS bucket_index, list(c ORDER BY i) AS bucket_count
    FROM buckets GROUP BY ALL
),
totals AS (
    SELECT bucket_time, service_name, span_name, kind, CAST(sum(request_count) AS BIGINT) AS request_count,
           CAST(sum(error_count) AS BIGINT) AS error_count, sum(sum_ns) AS sum_ns,
           min(min_ns) AS min_ns, max(max_ns) AS max_ns
    FROM renamed GROUP BY ALL
)
FROM overflow_rows r ANTI JOIN overflow_names n USING (service_name, span_name)
UNION ALL BY NAME
SELECT * FROM totals JOIN lists USING (bucket_time, service_name, span_name, kind)
