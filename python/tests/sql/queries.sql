-- section: plain
SELECT 1
SELECT count(*) FROM otel_spans_local
SELECT * FROM otel_spans_local ORDER BY start_time LIMIT 20
FROM otel_spans_local ORDER BY start_time DESC LIMIT 5
FROM otel_spans_local SELECT service_name, count(*) AS n GROUP BY ALL ORDER BY ALL
SELECT DISTINCT service_name FROM otel_spans_local ORDER BY 1
SELECT DISTINCT ON (service_name) service_name, trace_id FROM otel_spans_local ORDER BY service_name, start_time
SELECT service_name, count(*) FROM otel_spans_local WHERE start_time >= TIMESTAMP '2026-03-01 10:10:00' GROUP BY service_name ORDER BY service_name
SELECT service_name AS s, avg(duration_ns) / 1e6 AS ms FROM otel_spans_local WHERE kind = 'SERVER' AND start_time BETWEEN '2026-03-01 10:00' AND '2026-03-01 10:30' GROUP BY s HAVING count(*) > 10 ORDER BY ms DESC
SELECT main.otel_spans_local.service_name FROM main.otel_spans_local ORDER BY start_time LIMIT 3
SELECT s.* EXCLUDE (attributes, trace_id) FROM otel_spans_local s ORDER BY start_time LIMIT 3
SELECT * REPLACE (duration_ns / 1000000 AS duration_ns) FROM otel_spans_local ORDER BY start_time LIMIT 3
SELECT * RENAME (duration_ns AS ns) FROM trace_summary ORDER BY ALL LIMIT 3
SELECT COLUMNS('.*_ms') FROM service_summary ORDER BY bucket_time, service_name LIMIT 5
SELECT max(COLUMNS('p.._ms')) FROM service_summary
SELECT COLUMNS(lambda c: c LIKE '%_name') FROM otel_spans_local ORDER BY start_time LIMIT 3
SELECT COLUMNS(* EXCLUDE (attributes)) FROM otel_spans_local ORDER BY start_time LIMIT 2
SELECT t FROM resources_local t ORDER BY instance_id LIMIT 2
SELECT 1 AS a, 2 AS a, 3 AS "a b"
SELECT NULL, true, 1.5, 'é', DATE '2026-01-01', INTERVAL 3 DAY
TABLE resources_local
VALUES (1, 'a'), (2, 'b')
SELECT * FROM (VALUES (1, 'a'), (2, 'b')) v(n, c) ORDER BY n DESC
DESCRIBE otel_spans_local
DESCRIBE SELECT service_name, count(*) FROM otel_spans_local GROUP BY ALL
SUMMARIZE service_summary
SUMMARIZE SELECT p99_ms FROM service_summary
SELECT column_name, column_type FROM (DESCRIBE trace_summary)
-- section: joins
SELECT s.service_name, t.span_count FROM otel_spans_local s JOIN trace_summary t ON s.trace_id = t.trace_id AND s.service_name = t.service_name ORDER BY s.start_time, t.span_count LIMIT 50
SELECT count(*) FROM otel_spans_local c JOIN otel_spans_local p ON c.parent_span_id = p.span_id AND c.trace_id = p.trace_id WHERE c.service_name <> p.service_name
SELECT p.service_name AS caller, c.service_name AS callee, count(*) AS calls FROM otel_spans_local p JOIN otel_spans_local c ON c.parent_span_id = p.span_id GROUP BY ALL ORDER BY ALL
SELECT * FROM service_summary JOIN beyla_http_metrics b USING (service_name) WHERE bucket_time = b."timestamp" ORDER BY bucket_time, service_name LIMIT 10
SELECT count(*) FROM service_summary NATURAL JOIN trace_summary
SELECT a.service_name, b.instance_id FROM service_summary a LEFT JOIN resources_local b ON a.service_name = b.service_name ORDER BY ALL LIMIT 20
SELECT a.service_name, b.instance_id FROM resources_local b RIGHT JOIN (SELECT DISTINCT service_name FROM service_summary) a USING (service_name) ORDER BY ALL
SELECT * FROM (SELECT DISTINCT service_name FROM service_summary) a FULL OUTER JOIN resources_local r USING (service_name) ORDER BY ALL
SELECT DISTINCT service_name FROM service_summary s SEMI JOIN resources_local r USING (service_name) ORDER BY 1
SELECT DISTINCT service_name FROM service_summary s ANTI JOIN resources_local r USING (service_name) ORDER BY 1
SELECT count(*) FROM service_summary CROSS JOIN range(3)
SELECT s.span_id, m.p99_ms FROM otel_spans_local s ASOF JOIN service_summary m ON s.service_name = m.service_name AND s.start_time >= m.bucket_time ORDER BY s.start_time LIMIT 20
SELECT s.span_id, m.cpu_pct FROM otel_spans_local s ASOF LEFT JOIN (SELECT * FROM system_metrics_rollup WHERE agent_id = 'agent-1') m ON s.start_time >= m.bucket_time ORDER BY s.start_time LIMIT 20
SELECT * FROM (SELECT service_name FROM resources_local ORDER BY instance_id) a POSITIONAL JOIN (SELECT agent_id FROM resources_local ORDER BY instance_id) b
SELECT s.service_name, l.n FROM (SELECT DISTINCT service_name FROM otel_spans_local) s, LATERAL (SELECT count(*) AS n FROM trace_summary t WHERE t.service_name = s.service_name) l ORDER BY 1
SELECT DISTINCT service_name, (SELECT max(p99_ms) FROM service_summary m WHERE m.service_name = s.service_name) AS worst FROM otel_spans_local s ORDER BY 1
SELECT count(*) FROM otel_spans_local s WHERE duration_ns > (SELECT avg(duration_ns) FROM otel_spans_local i WHERE i.service_name = s.service_name)
SELECT count(*) FROM otel_spans_local WHERE trace_id IN (SELECT trace_id FROM trace_summary WHERE has_error)
SELECT count(*) FROM trace_summary t WHERE EXISTS (SELECT 1 FROM otel_spans_local s WHERE s.trace_id = t.trace_id AND s.status_code = 'ERROR')
SELECT count(*) FROM trace_summary t WHERE NOT EXISTS (SELECT 1 FROM otel_spans_local s WHERE s.trace_id = t.trace_id AND s.status_code = 'ERROR')
SELECT count(*) FROM otel_spans_local WHERE duration_ns >= ALL (SELECT duration_ns FROM otel_spans_local)
SELECT service_name FROM resources_local WHERE 'agent-1' = ANY (SELECT agent_id FROM system_metrics_rollup) ORDER BY ALL
-- section: set operations and CTEs
SELECT service_name FROM otel_spans_local UNION SELECT agent_id FROM system_metrics_rollup ORDER BY 1
SELECT 1 AS a UNION ALL SELECT 2 UNION ALL SELECT 2 ORDER BY a
SELECT service_name FROM otel_spans_local INTERSECT SELECT service_name FROM resources_local ORDER BY 1
SELECT service_name FROM otel_spans_local EXCEPT SELECT service_name FROM resources_local ORDER BY 1
SELECT 1 AS a, 2 AS b UNION ALL BY NAME SELECT 3 AS b, 4 AS c ORDER BY ALL
(SELECT service_name FROM otel_spans_local LIMIT 0) UNION ALL (SELECT 'x')
WITH slow AS (SELECT * FROM otel_spans_local WHERE duration_ns > 800000000) SELECT service_name, count(*) FROM slow GROUP BY 1 ORDER BY 1
WITH a AS (SELECT * FROM otel_spans_local), b AS MATERIALIZED (SELECT service_name, count(*) AS n FROM a GROUP BY ALL) SELECT * FROM b ORDER BY n DESC, service_name
WITH otel_spans_local AS (SELECT 1 AS a) SELECT * FROM otel_spans_local
WITH secrets AS (SELECT 42 AS answer) SELECT answer FROM secrets
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) SELECT sum(i) FROM n
WITH RECURSIVE tree AS (SELECT span_id, parent_span_id, 0 AS depth FROM otel_spans_local WHERE parent_span_id = '' UNION ALL SELECT c.span_id, c.parent_span_id, depth + 1 FROM otel_spans_local c JOIN tree t ON c.parent_span_id = t.span_id) SELECT depth, count(*) FROM tree GROUP BY 1 ORDER BY 1
WITH RECURSIVE f(a, b) AS (VALUES (0, 1) UNION ALL SELECT b, a + b FROM f WHERE b < 1000) SELECT a FROM f ORDER BY a
WITH x(a, b) AS (SELECT service_name, count(*) FROM otel_spans_local GROUP BY 1) SELECT a, b FROM x ORDER BY a
-- section: aggregates
SELECT count(*), count(DISTINCT trace_id), min(duration_ns), max(duration_ns), avg(duration_ns), sum(duration_ns), median(duration_ns) FROM otel_spans_local
SELECT service_name, quantile_cont(duration_ns, 0.99), quantile_disc(duration_ns, 0.5), quantile_cont(duration_ns, [0.5, 0.9, 0.99]) FROM otel_spans_local GROUP BY 1 ORDER BY 1
SELECT service_name, percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ns) FROM otel_spans_local GROUP BY 1 ORDER BY 1
SELECT mode(kind), stddev(duration_ns), var_pop(duration_ns), skewness(duration_ns), kurtosis(duration_ns), mad(duration_ns) FROM otel_spans_local
SELECT corr(p50_ms, p99_ms), covar_pop(p50_ms, p99_ms), regr_slope(p99_ms, p50_ms), regr_r2(p99_ms, p50_ms) FROM service_summary
SELECT arg_max(span_id, duration_ns), arg_min(span_id, duration_ns), max_by(span_id, duration_ns), arg_max(span_id, duration_ns, 3) FROM otel_spans_local
SELECT max(duration_ns, 3), min(duration_ns, 2) FROM otel_spans_local
SELECT service_name, count(*) FILTER (WHERE status_code = 'ERROR') AS errors, count_if(status_code = 'ERROR') AS also FROM otel_spans_local GROUP BY ALL ORDER BY ALL
SELECT service_name, kind, count(*) FROM otel_spans_local GROUP BY GROUPING SETS ((service_name), (kind), ()) ORDER BY ALL
SELECT service_name, kind, count(*), grouping(service_name, kind) FROM otel_spans_local GROUP BY ROLLUP (service_name, kind) ORDER BY ALL
SELECT service_name, status_code, sum(duration_ns) FROM otel_spans_local GROUP BY CUBE (service_name, status_code) ORDER BY ALL
SELECT string_agg(DISTINCT service_name, ', ' ORDER BY service_name), array_agg(DISTINCT kind ORDER BY kind), list(DISTINCT status_code ORDER BY status_code) FROM otel_spans_local
SELECT histogram(status_code), approx_count_distinct(trace_id) > 900 FROM otel_spans_local
SELECT histogram(duration_ns, [100000000, 500000000]) FROM otel_spans_local
SELECT first(service_name ORDER BY start_time), last(service_name ORDER BY start_time), any_value(kind ORDER BY start_time) FROM otel_spans_local
SELECT bool_and(has_error), bool_or(has_error), bit_xor(span_count), product(span_count / span_count) FROM trace_summary
SELECT entropy(status_code), geomean(duration_ns), weighted_avg(p99_ms, request_count) FROM service_summary, (SELECT 'x' AS status_code, 4.0 AS duration_ns)
SELECT sum(request_count) * 1.0 / 60 AS rps, sum(error_count) / sum(request_count) AS rate FROM service_summary WHERE bucket_time >= TIMESTAMP '2026-03-01 10:20:00'
SELECT favg(p99_ms), fsum(p50_ms), kahan_sum(p95_ms) FROM (FROM service_summary ORDER BY bucket_time, service_name)
-- section: windows
SELECT span_id, row_number() OVER (PARTITION BY service_name ORDER BY start_time) AS n FROM otel_spans_local ORDER BY start_time LIMIT 30
SELECT service_name, bucket_time, p99_ms, lag(p99_ms) OVER w AS before, p99_ms - lag(p99_ms, 1, 0.0) OVER w AS delta FROM service_summary WINDOW w AS (PARTITION BY service_name ORDER BY bucket_time) ORDER BY 1, 2
SELECT bucket_time, avg(cpu_pct) OVER (PARTITION BY agent_id ORDER BY bucket_time ROWS BETWEEN 4 PRECEDING AND CURRENT ROW) AS smooth FROM system_metrics_rollup ORDER BY agent_id, bucket_time
SELECT bucket_time, sum(request_count) OVER (ORDER BY bucket_time RANGE BETWEEN INTERVAL 5 MINUTES PRECEDING AND CURRENT ROW) FROM service_summary WHERE service_name = 'cart' ORDER BY 1
SELECT service_name, p99_ms, rank() OVER (ORDER BY p99_ms DESC), dense_rank() OVER (ORDER BY p99_ms DESC), percent_rank() OVER (ORDER BY p99_ms), cume_dist() OVER (ORDER BY p99_ms), ntile(4) OVER (ORDER BY p99_ms, bucket_time, service_name) FROM service_summary ORDER BY p99_ms, bucket_time, service_name
SELECT service_name, bucket_time, first_value(p99_ms) OVER w, last_value(p99_ms) OVER w, nth_value(p99_ms, 2) OVER w FROM service_summary WINDOW w AS (PARTITION BY service_name ORDER BY bucket_time) ORDER BY 1, 2
SELECT * FROM otel_spans_local QUALIFY row_number() OVER (PARTITION BY service_name ORDER BY duration_ns DESC, span_id) <= 2 ORDER BY service_name, duration_ns DESC
SELECT service_name, count(*) AS n, sum(count(*)) OVER () AS total FROM otel_spans_local GROUP BY 1 ORDER BY 1
SELECT sum(duration_ns) FILTER (WHERE kind = 'SERVER') OVER (ORDER BY start_time, span_id) FROM otel_spans_local ORDER BY start_time, span_id LIMIT 10
SELECT lead(start_time) OVER (ORDER BY start_time, span_id) - start_time AS gap FROM otel_spans_local ORDER BY start_time, span_id LIMIT 10
SELECT last_value(x IGNORE NULLS) OVER (ORDER BY i) FROM (VALUES (1, 'a'), (2, NULL), (3, 'c')) t(i, x) ORDER BY i
SELECT sum(i) OVER (ORDER BY i ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW) FROM range(5) t(i) ORDER BY i
-- section: pivot
PIVOT otel_spans_local ON kind IN ('SERVER', 'CLIENT') USING count(*) GROUP BY service_name ORDER BY service_name
PIVOT (SELECT service_name, status_code FROM otel_spans_local) ON status_code IN ('OK', 'ERROR', 'UNSET') USING count(*) AS n ORDER BY ALL
SELECT * FROM (SELECT service_name, kind, duration_ns FROM otel_spans_local) PIVOT (avg(duration_ns) FOR kind IN ('SERVER', 'CLIENT')) ORDER BY service_name
UNPIVOT (SELECT bucket_time, service_name, p50_ms, p95_ms, p99_ms FROM service_summary) ON p50_ms, p95_ms, p99_ms INTO NAME quantile VALUE ms ORDER BY ALL LIMIT 30
UNPIVOT (SELECT p50_ms, p99_ms FROM service_summary ORDER BY bucket_time, service_name LIMIT 4) ON COLUMNS(*)
FROM service_summary UNPIVOT (ms FOR quantile IN (p50_ms, p99_ms)) SELECT quantile, max(ms) GROUP BY 1 ORDER BY 1
-- section: time
SELECT time_bucket(INTERVAL 5 MINUTE, start_time) AS t, count(*) FROM otel_spans_local GROUP BY 1 ORDER BY 1
SELECT time_bucket(INTERVAL '10 minutes', start_time, INTERVAL '2 minutes') AS t, count(*) FROM otel_spans_local GROUP BY 1 ORDER BY 1
SELECT date_trunc('hour', start_time) AS h, min(start_time), max(start_time) FROM otel_spans_local GROUP BY h ORDER BY h
SELECT extract(hour FROM start_time), extract(epoch FROM start_time), date_part('minute', start_time), dayname(start_time), monthname(start_time), strftime(start_time, '%Y-%m-%d %H:%M:%S.%f') FROM otel_spans_local ORDER BY start_time LIMIT 3
SELECT strptime('2026-03-01 10:00', '%Y-%m-%d %H:%M'), try_strptime('x', '%Y'), make_timestamp(2026, 3, 1, 10, 0, 0.5), make_date(2026, 3, 1), to_timestamp(1772359200), epoch_ms(TIMESTAMP '2026-03-01'), epoch_us(TIMESTAMP '2026-03-01'), epoch_ns(TIMESTAMP '2026-03-01')
SELECT start_time AT TIME ZONE 'Europe/Berlin', (start_time AT TIME ZONE 'UTC') AT TIME ZONE 'America/New_York' FROM otel_spans_local ORDER BY start_time LIMIT 2
SELECT TIMESTAMPTZ '2026-03-01 10:00:00+02', TIMESTAMPTZ '2026-03-01 10:00:00+02' AT TIME ZONE 'Asia/Tokyo', TIMESTAMP '2026-03-01 10:00:00.123456'
SELECT max(start_time) - min(start_time), date_diff('second', min(start_time), max(start_time)), age(max(start_time), min(start_time)) FROM otel_spans_local
SELECT INTERVAL 1 YEAR + INTERVAL 2 DAY, INTERVAL '1 hour' * 3, to_minutes(5), to_seconds(1.5), DATE '2026-03-01' + 3, last_day(DATE '2026-02-01')
SELECT * FROM generate_series(TIMESTAMP '2026-03-01 10:00:00', TIMESTAMP '2026-03-01 11:00:00', INTERVAL 15 MINUTE)
SELECT b.t, count(s.span_id) FROM generate_series(TIMESTAMP '2026-03-01 10:00:00', TIMESTAMP '2026-03-01 10:45:00', INTERVAL 5 MINUTE) b(t) LEFT JOIN otel_spans_local s ON s.start_time >= b.t AND s.start_time < b.t + INTERVAL 5 MINUTE GROUP BY 1 ORDER BY 1
SELECT start_time::DATE, CAST(start_time AS TIME), start_time::VARCHAR, year(start_time), isodow(start_time), week(start_time) FROM otel_spans_local ORDER BY start_time LIMIT 2
SELECT now() > TIMESTAMPTZ '2026-01-01', current_date > DATE '2026-01-01', current_timestamp IS NOT NULL, today() >= DATE '2026-01-01', localtimestamp IS NOT NULL
-- section: JSON
SELECT attributes->>'region', attributes->'nested', attributes->'$.nested.deep', (attributes->>'$.items[0]')::INT FROM otel_spans_local ORDER BY start_time LIMIT 5
SELECT attributes->>'$."http.status_code"' AS code, count(*) FROM otel_spans_local GROUP BY 1 ORDER BY 1
SELECT json_extract(attributes, '$.items'), json_extract_string(attributes, 'region'), json_keys(attributes), json_type(attributes), json_array_length(attributes, '$.items'), json_valid('{'), json_structure(attributes) FROM otel_spans_local ORDER BY start_time LIMIT 2
SELECT DISTINCT json_extract_string(attributes, ['region', '$.nested.deep']) FROM otel_spans_local ORDER BY 1
SELECT r.service_name, e.key, e.value FROM resources_local r, json_each(r.attributes) e ORDER BY ALL
SELECT key, atom FROM json_tree('{"a": {"b": [1, 2]}}') ORDER BY id
SELECT to_json({'a': 1, 'b': [1, 2]}), json_object('a', 1), json_array(1, 'x'), json_merge_patch('{"a":1}', '{"b":2}'), json_group_array(i) FROM (SELECT unnest([1, 2]) AS i)
SELECT from_json('{"a": 1, "b": "x"}', '{"a": "INTEGER", "b": "VARCHAR"}'), json_transform('{"a": 1}', '{"a": "BIGINT"}'), json_contains('{"a": 1}', '1'), json_pretty('{"a":1}')
SELECT (attributes->'items')::INT[] AS items, len((attributes->'items')::INT[]) FROM otel_spans_local ORDER BY start_time LIMIT 3
SELECT json_group_object(service_name, n) FROM (SELECT service_name, count(*) AS n FROM otel_spans_local GROUP BY 1 ORDER BY 1)
SELECT count(DISTINCT attributes->>'config.hash') FROM resources_local WHERE service_name = 'payments'
-- section: lists, structs and maps
SELECT [1, 2, 3], [1, 2, 3][1], [1, 2, 3][-1], [1, 2, 3][1:2], list_value(1, 2), len([1, 2]), array_length([1, 2]), list_contains([1, 2], 2), list_sort([3, 1, 2], 'DESC'), list_distinct([1, 1]).len(), flatten([[1], [2]])
SELECT list_transform([1, 2, 3], lambda x: x * 2), list_filter([1, 2, 3], lambda x: x > 1), list_reduce([1, 2, 3], lambda a, b: a + b), [x + 1 FOR x IN [1, 2, 3] IF x > 1], list_transform([5, 6], lambda x, i: x * i)
SELECT list_sum([1, 2]), list_avg([1, 2]), list_aggregate([1, 2, 3], 'median'), list_zip([1, 2], ['a', 'b']), list_concat([1], [2]), list_append([1], 2), list_position([1, 2], 2), list_unique([1, 1, 2]), range(5), generate_series(1, 10, 3), list_reverse([1, 2]), list_slice([1, 2, 3], 2, 3), array_to_string(['a', 'b'], '-')
SELECT unnest([1, 2, 3]) AS i, unnest(['a', 'b', 'c']) AS c
SELECT unnest([{'a': 1, 'b': 'x'}, {'a': 2, 'b': 'y'}], recursive := true)
SELECT i FROM range(10) t(i) WHERE i % 3 = 0 ORDER BY i DESC
SELECT * FROM range(3) a, range(2) b ORDER BY ALL
SELECT {'a': 1, 'b': {'c': 'x'}} AS s, struct_extract({'a': 1}, 'a'), struct_pack(x := 1, y := 'z'), row(1, 'a'), struct_insert({'a': 1}, b := 2)
SELECT MAP {'a': 1, 'b': 2}, MAP {'a': 1}['a'], map_keys(MAP {'a': 1}), map_values(MAP {'a': 1}), map(['x'], [1]), map_from_entries([('a', 1)]), cardinality(MAP {'a': 1}), element_at(MAP {'a': 1}, 'a'), map_contains(MAP {'a': 1}, 'a')
SELECT array_value(1.0, 2.0)::DOUBLE[2], list_cosine_similarity([1.0, 0.0], [1.0, 1.0]), array_distance([1.0, 2.0]::DOUBLE[2], [2.0, 3.0]::DOUBLE[2]), list_dot_product([1.0], [2.0])
SELECT service_name, list(duration_ns ORDER BY start_time)[1:3] FROM otel_spans_local GROUP BY 1 ORDER BY 1
SELECT service_name, list({'id': span_id, 'ns': duration_ns} ORDER BY start_time)[1] AS first FROM otel_spans_local GROUP BY 1 ORDER BY 1
SELECT [1, 2] && [2, 3], [1, 2] @> [1], [1, 2] || [3], 2 IN [1, 2]
-- section: text and numbers
SELECT upper('a'), lower('B'), length('é'), substr('abc', 2), substring('abc' FROM 2 FOR 1), left('abc', 2), right('abc', 2), trim(' a '), ltrim('xxa', 'x'), replace('aba', 'a', 'c'), reverse('abc'), concat('a', 1, NULL), concat_ws('-', 'a', 'b'), 'a' || 'b', repeat('ab', 3), lpad('1', 3, '0'), rpad('1', 3, '.'), position('b' IN 'abc'), strpos('abc', 'c'), instr('abc', 'b'), initcap.x FROM (SELECT 1 AS x) initcap
SELECT split_part('a-b-c', '-', 2), string_split('a,b', ','), str_split_regex('a1b2', '\d'), starts_with('abc', 'a'), ends_with('abc', 'c'), contains('abc', 'b'), 'abc'.upper(), ascii('a'), chr(97), unicode('é'), translate('abc', 'ab', 'xy'), format('{} {:.2f}', 'a', 1.234), printf('%05d', 42), strip_accents('é'), nfc_normalize('é'), to_base64('abc'::BLOB), from_base64('YWJj'), hex('abc'), unhex('616263'), md5('a'), sha256('a'), hash('a') = hash('a'), url_encode('a b'), url_decode('a%20b'), bar(5, 0, 10, 10)
SELECT 'abc' LIKE 'a%', 'abc' ILIKE 'A%', 'abc' NOT LIKE 'b%', 'abc' ~ 'a.c', 'abc' SIMILAR TO 'a.*', 'abc' GLOB 'a*', regexp_matches('abc', 'b'), regexp_extract('ab12', '(\d+)', 1), regexp_replace('aab', 'a', 'x', 'g'), regexp_extract_all('a1b2', '\d'), regexp_full_match('abc', 'a.c'), regexp_split_to_array('a1b', '\d'), 'a%b' LIKE 'a$%b' ESCAPE '$'
SELECT levenshtein('kitten', 'sitting'), damerau_levenshtein('ab', 'ba'), jaccard('ab', 'bc'), jaro_winkler_similarity('abc', 'abd'), hamming('abc', 'abd'), editdist3('a', 'b')
SELECT abs(-1), ceil(1.2), floor(-1.2), round(1.25, 1), trunc(1.9), sqrt(2), pow(2, 10), exp(1), ln(2), log10(100), log2(8), sin(1), cos(1), pi(), sign(-2), mod(7, 3), 7 % 3, 7 // 2, 7 / 2, 2 ** 3, gcd(12, 18), lcm(4, 6), factorial(5), greatest(1, 3, 2), least(1, 3, 2), cbrt(27), degrees(pi()), atan2(1, 1), isnan('nan'::DOUBLE), isinf('inf'::DOUBLE), 5 & 3, 5 | 3, xor(5, 3), 1 << 3, ~5, bit_count(7), even(3), 5!
SELECT CAST('42' AS INTEGER), '1.5'::DOUBLE, TRY_CAST('x' AS INTEGER), 1::VARCHAR, 1.5::DECIMAL(10, 3), 3000000000::HUGEINT * 4000000000, 18446744073709551615::UBIGINT, 'true'::BOOLEAN, '{"a":1}'::JSON, '[1, 2]'::INT[], '2026-03-01'::DATE, 'a'::ENUM('a', 'b'), '{"a": 1}'::STRUCT(a INT), 'ff'::BLOB, uuid() IS NOT NULL, '10101'::BIT, 12::UINTEGER, 1::FLOAT
SELECT 9223372036854775807, -9223372036854775808, 9007199254740993, 0.1 + 0.2, 1e300, 123456789.123456789::DECIMAL(18, 9), sum(i) FROM range(10) t(i)
SELECT coalesce(NULL, 1), ifnull(NULL, 2), nullif(1, 1), if(true, 'a', 'b'), CASE 1 WHEN 1 THEN 'one' ELSE 'other' END, CASE WHEN 2 > 1 THEN 'x' END, 1 IS DISTINCT FROM NULL, NULL IS NOT DISTINCT FROM NULL, TRY(1 / 0), 1 BETWEEN 0 AND 2, 3 NOT IN (1, 2)
SELECT typeof(1.5), pg_typeof('a'), format_bytes(12345678), formatReadableSize(1024), alias(1), error('x') IS NULL FROM range(0)
SELECT service_name COLLATE NOCASE FROM resources_local ORDER BY service_name COLLATE de LIMIT 3
SELECT 'Ä' < 'B' COLLATE de, 'a' = 'A' COLLATE NOCASE, 'e' = 'é' COLLATE NOACCENT
SELECT hash(1) % 4 = hash(1) % 4, random() BETWEEN 0 AND 1, bin(5), to_hex(255), to_binary(5), '0b101'::INT, ord('a'), length_grapheme('🤦🏼‍♂️'), left_grapheme('🤦🏼‍♂️a', 1)
-- section: shape
SELECT count(*) BETWEEN 300 AND 500 FROM (SELECT * FROM otel_spans_local USING SAMPLE 400 ROWS)
SELECT count(*) FROM (FROM otel_spans_local USING SAMPLE reservoir(50 ROWS) REPEATABLE (100))
SELECT count(*) > 0 FROM otel_spans_local TABLESAMPLE 50 PERCENT (bernoulli)
SELECT service_name FROM trace_summary ORDER BY duration_ns DESC, trace_id LIMIT 5 OFFSET 10
SELECT service_name FROM resources_local ORDER BY instance_id LIMIT 50%
SELECT service_name, count(*) AS n FROM otel_spans_local GROUP BY ALL ORDER BY n DESC NULLS LAST, 1 ASC
SELECT #1, #2 FROM (VALUES (1, 2)) t
SELECT service_name AS s FROM resources_local WHERE s = 'cart' ORDER BY instance_id
SELECT n: 1, s: 'x'
SELECT o."service_name" FROM "otel_spans_local" AS "o" ORDER BY o."start_time" LIMIT 1
SELECT -- a comment
  count(*) /* another; DROP TABLE x */ FROM otel_spans_local
select service_name, COUNT(*) from OTEL_SPANS_LOCAL group by 1 order by 1;
SELECT $$it's$$, E'a\tb', 'don''t', "service_name" FROM resources_local ORDER BY instance_id LIMIT 1
SELECT rowid >= 0 FROM (SELECT 1 AS rowid)
SELECT EXISTS (FROM otel_spans_local WHERE status_code = 'ERROR'), (SELECT count(*) FROM resources_local)
SELECT array(SELECT service_name FROM resources_local ORDER BY instance_id)
SELECT a, b FROM (SELECT 1 AS a, 2 AS b) WHERE (a, b) = (1, 2)
SELECT * FROM (SELECT 1) AS t(a) JOIN (SELECT 1) AS u(b) ON t.a = u.b
