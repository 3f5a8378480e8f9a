-- Chooses traces among the spans with ingest_seq in ($lo, $hi] whose spans go to the colony:
-- a uniform sample by trace id (weight 2^k: the last k bits of the id are zero), and the slowest and
-- the failed ones of each service (weight 0, unless they are in the sample as well).
INSERT INTO exemplar_traces
WITH fresh AS (
    SELECT trace_id, service_name, duration_ns, status_code
    FROM main.spans WHERE ingest_seq > $lo AND ingest_seq <= $hi
),
sampled AS (
    SELECT DISTINCT trace_id FROM fresh
    WHERE CAST('0x' || right(trace_id, 8) AS BIGINT) % CAST($modulus AS BIGINT) = 0
),
slow AS (
    SELECT trace_id FROM fresh
    QUALIFY row_number() OVER (PARTITION BY service_name ORDER BY duration_ns DESC) <= $per_service
),
failed AS (
    SELECT trace_id FROM fresh WHERE status_code = 'ERROR'
    QUALIFY row_number() OVER (PARTITION BY service_name ORDER BY duration_ns DESC) <= $per_service
),
chosen AS (
    SELECT trace_id, CAST($modulus AS DOUBLE) AS sample_weight FROM sampled
    UNION ALL SELECT trace_id, 0.0 FROM slow
    UNION ALL SELECT trace_id, 0.0 FROM failed
)
SELECT trace_id, max(sample_weight), $hi, $now::TIMESTAMP FROM chosen
WHERE trace_id NOT IN (SELECT trace_id FROM exemplar_traces)
GROUP BY trace_id
