-- section: windowed
SELECT count(*) FROM otel_spans_local WHERE start_time IS NOT NULL
SELECT count(*) FROM otel_spans_local WHERE start_time = start_time
SELECT count(*) FROM otel_spans_local WHERE start_time > '2026-03-01' OR true
SELECT count(*) FROM otel_spans_local WHERE start_time <> '2026-03-01'
SELECT count(*) FROM (SELECT max(start_time) AS m FROM otel_spans_local GROUP BY service_name) WHERE m > '2026-03-01'
SELECT count(*) FROM otel_spans_local a, otel_spans_local b WHERE a.span_id = b.span_id AND a.start_time > '2026-03-01'
SELECT count(*) FROM otel_spans_local a, otel_spans_local b WHERE a.span_id = b.span_id AND a.start_time = b.start_time
SELECT count(*) FROM service_summary LEFT JOIN otel_spans_local ON start_time > '2026-03-01' AND false
SELECT count(*) FROM otel_spans_local WHERE start_time >= (SELECT max(start_time) FROM otel_spans_local) - INTERVAL 1 HOUR
SELECT count(*) FILTER (WHERE start_time > '2026-03-01') FROM otel_spans_local
SELECT count(*) FROM otel_spans_local UNION ALL SELECT count(*) FROM otel_spans_local WHERE start_time > '2026-03-01'
TABLE otel_spans_local LIMIT 1
-- section: constrained
SELECT count(*) FROM otel_spans_local WHERE start_time > '2026-03-01'
SELECT count(*) FROM otel_spans_local WHERE start_time > '2026-03-01' OR start_time < '2025-01-01'
SELECT count(*) FROM otel_spans_local WHERE NOT (start_time <= '2026-03-01')
WITH s AS (SELECT * FROM otel_spans_local) SELECT count(*) FROM s WHERE start_time > '2026-03-01'
SELECT count(*) FROM (SELECT date_trunc('minute', start_time) AS m FROM otel_spans_local) WHERE m > '2026-03-01'
SELECT count(*) FROM otel_spans_local a, otel_spans_local b WHERE a.span_id = b.span_id AND a.start_time = b.start_time AND a.start_time > '2026-03-01'
SELECT count(*) FROM otel_spans_local s ASOF JOIN service_summary m ON s.service_name = m.service_name AND s.start_time >= m.bucket_time WHERE s.start_time > '2026-03-01'
SELECT count(*) FROM service_summary a JOIN service_summary b USING (bucket_time, service_name) WHERE bucket_time > '2026-03-01'
SELECT count(*) FROM otel_spans_local WHERE start_time::DATE = DATE '2026-03-01'
SELECT count(*) FROM otel_spans_local WHERE start_time BETWEEN '2026-03-01' AND '2026-03-02'
SELECT count(*) FROM otel_spans_local WHERE now() - start_time < INTERVAL 10000 DAY
SELECT date_trunc('hour', start_time) h, count(*) FROM otel_spans_local WHERE h >= '2026-03-01' GROUP BY h
SELECT bucket_time, count(*) FROM service_summary GROUP BY 1 HAVING bucket_time >= '2026-03-01 10:10' ORDER BY 1 LIMIT 1
SELECT (SELECT count(*) FROM otel_spans_local i WHERE i.start_time > o.bucket_time) FROM service_summary o WHERE bucket_time = '2026-03-01 10:05:00' LIMIT 1
SELECT count(*) FROM otel_spans_local t(a,b,c,d,e,f,g) WHERE g > '2026-03-01'
DESCRIBE otel_spans_local
