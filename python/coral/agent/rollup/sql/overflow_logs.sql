-- `overflow_rows` with the services of `overflow_names` counted under the name $name.
WITH renamed AS (
    SELECT r.* REPLACE (CAST(CASE WHEN n.service_name IS NULL THEN r.service_name ELSE $name END AS VARCHAR)
                        AS service_name)
    FROM overflow_rows r LEFT JOIN overflow_names n ON r.service_name = n.service_name
)
SELECT bucket_time, service_name, severity, CAST(sum(record_count) AS BIGINT) AS record_count
FROM renamed GROUP BY ALL ORDER BY ALL
