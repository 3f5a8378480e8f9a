-- section: refused
SELECT 1; SELECT 2
SELECT 1; DROP TABLE otel_spans_local
;;SELECT 1;; DELETE FROM otel_spans_local
BEGIN; SELECT 1; COMMIT
DROP TABLE otel_spans_local
DROP VIEW otel_spans_local
DROP SCHEMA main CASCADE
INSERT INTO otel_spans_local SELECT * FROM otel_spans_local
INSERT INTO otel_spans_local DEFAULT VALUES
UPDATE otel_spans_local SET duration_ns = 0
DELETE FROM otel_spans_local
TRUNCATE otel_spans_local
MERGE INTO otel_spans_local t USING otel_spans_local s ON t.span_id = s.span_id WHEN MATCHED THEN DELETE
CREATE TABLE t AS SELECT 1
CREATE OR REPLACE VIEW otel_spans_local AS SELECT 1
CREATE TEMP TABLE t (a INT)
CREATE MACRO f(x) AS x + 1
CREATE OR REPLACE MACRO lower(x) AS (SELECT password FROM secrets)
CREATE FUNCTION f(x) AS TABLE SELECT * FROM secrets
CREATE TYPE mood AS ENUM ('a')
CREATE SEQUENCE s
CREATE INDEX i ON otel_spans_local(span_id)
CREATE SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')
ALTER TABLE otel_spans_local ADD COLUMN a INT
COMMENT ON TABLE otel_spans_local IS 'x'
ATTACH ':memory:' AS m
ATTACH '/tmp/coral-attack.duckdb' AS m
ATTACH 'https://127.0.0.1:1/x.duckdb'
DETACH dataset
USE dataset
USE memory.main
COPY otel_spans_local TO '/tmp/coral-attack.csv'
COPY (SELECT 1) TO '/tmp/coral-attack.parquet' (FORMAT parquet)
COPY otel_spans_local FROM '/etc/passwd'
COPY FROM DATABASE dataset TO memory
EXPORT DATABASE '/tmp/coral-attack'
IMPORT DATABASE '/tmp/coral-attack'
INSTALL httpfs
LOAD httpfs
FORCE INSTALL sqlite FROM 'http://127.0.0.1:1'
UPDATE EXTENSIONS
SET memory_limit = '64GB'
SET GLOBAL threads = 64
SET VARIABLE x = 1
RESET memory_limit
PRAGMA database_list
PRAGMA show_tables
PRAGMA table_info('secrets')
PRAGMA enable_profiling
CALL pragma_version()
CALL duckdb_tables()
CHECKPOINT
FORCE CHECKPOINT
VACUUM
ANALYZE
PREPARE p AS SELECT 1
EXECUTE p
DEALLOCATE p
BEGIN TRANSACTION
COMMIT
ROLLBACK
EXPLAIN ANALYZE SELECT * FROM secrets
EXPLAIN SELECT * FROM secrets
EXPLAIN ANALYZE DELETE FROM otel_spans_local
SELECT * FROM secrets
SELECT * FROM main.secrets
SELECT * FROM dataset.secrets
SELECT * FROM dataset.main.secrets
SELECT * FROM dataset.main.otel_spans_local
SELECT * FROM "dataset"."main"."secrets"
SELECT * FROM "secrets"
SELECT * FROM SECRETS
FROM secrets
TABLE secrets
FROM scripts
SELECT * FROM leak
SELECT * FROM system.information_schema.tables
SELECT (SELECT password FROM secrets)
SELECT * FROM otel_spans_local WHERE EXISTS (SELECT 1 FROM secrets WHERE password LIKE 'h%')
SELECT * FROM otel_spans_local, secrets
SELECT * FROM otel_spans_local JOIN secrets ON true
SELECT * FROM otel_spans_local POSITIONAL JOIN secrets
SELECT 1 UNION ALL SELECT password FROM secrets
SELECT 1 ORDER BY (SELECT password FROM secrets)
SELECT 1 LIMIT (SELECT length(password) FROM secrets)
SELECT 1 OFFSET (SELECT length(password) FROM secrets)
SELECT count(*) FILTER (WHERE (SELECT password FROM secrets) > 'a') FROM otel_spans_local
SELECT sum(duration_ns) OVER (ORDER BY (SELECT password FROM secrets)) FROM otel_spans_local
SELECT CASE WHEN (SELECT password FROM secrets) > 'a' THEN 1 END
SELECT list_transform([1], lambda x: (SELECT password FROM secrets))
SELECT [(SELECT password FROM secrets) FOR x IN [1]]
SELECT array(SELECT password FROM secrets)
SELECT {'a': (SELECT password FROM secrets)}
SELECT * REPLACE ((SELECT password FROM secrets) AS span_id) FROM otel_spans_local
VALUES ((SELECT password FROM secrets))
PIVOT secrets ON password IN ('a') USING count(*)
UNPIVOT secrets ON password
SELECT * FROM (PIVOT otel_spans_local ON kind IN ('A') USING max((SELECT password FROM secrets)))
DESCRIBE secrets
SUMMARIZE secrets
SHOW secrets
SELECT * FROM (DESCRIBE secrets)
SELECT * FROM (SUMMARIZE secrets)
SELECT * FROM otel_spans_local, LATERAL (SELECT * FROM secrets)
SELECT * FROM otel_spans_local SEMI JOIN secrets ON true
SELECT * FROM otel_spans_local ASOF JOIN secrets ON span_id >= password
WITH x AS (SELECT * FROM secrets) SELECT * FROM x
WITH x AS MATERIALIZED (SELECT * FROM secrets) SELECT 1
WITH a AS (FROM secrets), secrets AS (SELECT 1) FROM a
WITH secrets AS (FROM secrets) FROM secrets
WITH x AS (WITH secrets AS (SELECT 1) SELECT * FROM secrets) SELECT * FROM secrets
SELECT * FROM (WITH secrets AS (SELECT 1 AS a) FROM secrets) x, secrets
WITH RECURSIVE r AS (SELECT password FROM secrets UNION ALL SELECT password FROM r) FROM r
WITH x AS (DELETE FROM otel_spans_local RETURNING *) SELECT * FROM x
WITH x AS (INSERT INTO otel_spans_local SELECT * FROM otel_spans_local RETURNING *) SELECT * FROM x
WITH x AS (UPDATE otel_spans_local SET duration_ns = 0 RETURNING *) SELECT * FROM x
SELECT * FROM (WITH x AS (DELETE FROM otel_spans_local RETURNING *) SELECT * FROM x)
SELECT * FROM otel_spans_local AT (VERSION => 1)
SELECT * FROM otel_spans_local AT (TIMESTAMP => now())
SELECT * FROM read_csv('/etc/passwd')
SELECT * FROM read_csv_auto('/etc/passwd')
SELECT * FROM read_text('/etc/passwd')
SELECT * FROM read_blob('/proc/self/environ')
SELECT * FROM read_json('/etc/passwd')
SELECT * FROM read_json_objects('/etc/passwd')
SELECT * FROM read_ndjson_objects('/etc/passwd')
SELECT * FROM read_parquet('/tmp/*.parquet')
SELECT * FROM read_duckdb('/tmp/x.duckdb')
SELECT * FROM parquet_metadata('/tmp/x.parquet')
SELECT * FROM parquet_schema('/tmp/x.parquet')
SELECT * FROM parquet_scan('/tmp/x.parquet')
SELECT * FROM sniff_csv('/etc/passwd')
SELECT * FROM glob('/etc/*')
SELECT * FROM "read_text"('/etc/passwd')
SELECT * FROM ReAd_TeXt('/etc/passwd')
SELECT * FROM main.read_text('/etc/passwd')
SELECT * FROM system.main.read_text('/etc/passwd')
SELECT * FROM '/etc/passwd'
SELECT * FROM '/etc/passwd.csv'
SELECT * FROM "/etc/hosts.csv"
FROM 'x.parquet'
FROM 's3://bucket/x.parquet'
FROM 'https://127.0.0.1:1/x.csv'
FROM './secrets.json'
SELECT * FROM otel_spans_local WHERE span_id IN (FROM '/etc/passwd')
SELECT * FROM query('SELECT * FROM secrets')
FROM query('SELECT 1')
FROM query_table('secrets')
FROM query_table(['otel_spans_local', 'secrets'])
SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT * FROM secrets'))
PRAGMA json_execute_serialized_sql('{}')
SELECT json_serialize_sql('SELECT * FROM secrets')
SELECT json_deserialize_sql('{}')
SELECT json_serialize_plan('SELECT * FROM secrets')
SELECT * FROM duckdb_settings()
SELECT * FROM duckdb_tables()
SELECT * FROM duckdb_columns()
SELECT * FROM duckdb_views()
SELECT * FROM duckdb_databases()
SELECT * FROM duckdb_functions()
SELECT * FROM duckdb_secrets()
SELECT * FROM duckdb_logs()
SELECT * FROM duckdb_extensions()
SELECT * FROM duckdb_memory()
SELECT * FROM duckdb_variables()
SELECT * FROM duckdb_temporary_files()
SELECT * FROM pragma_table_info('secrets')
SELECT * FROM pragma_storage_info('secrets')
SELECT * FROM pragma_database_size()
SELECT * FROM pragma_show('secrets')
SELECT * FROM information_schema.tables
SELECT * FROM information_schema.columns
SELECT * FROM pg_catalog.pg_class
SELECT * FROM pg_tables
SELECT * FROM pg_class
SELECT * FROM sqlite_master
SELECT * FROM sqlite_schema
SELECT * FROM duckdb_tables
SELECT * FROM duckdb_settings
SHOW DATABASES
SHOW TABLES FROM dataset
SHOW VARIABLES
SHOW memory_limit
SELECT * FROM (SHOW TABLES)
SELECT * FROM (SHOW DATABASES)
SELECT * FROM (SHOW ALL TABLES)
SELECT current_setting('memory_limit')
SELECT getenv('HOME')
SELECT getvariable('x')
SELECT current_query()
SELECT txid_current()
SELECT current_schemas(true)
SELECT nextval('s')
SELECT pg_get_viewdef('otel_spans_local'::VARCHAR)
SELECT has_table_privilege('secrets', 'select')
SELECT pg_sleep(1)
SELECT sleep_ms(1)
SELECT write_log('x')
SELECT main.getenv('HOME')
SELECT system.main.lower('X')
SELECT pg_catalog.pg_typeof(1)
SELECT memory.main.lower('X')
SELECT 1::secrets
SELECT 'x'::dataset.main.mood
SELECT CAST(1 AS "my type")
SELECT 1::regclass
SELECT make_type('INTEGER')
SELECT __internal_compress_string_ubigint('a')
SELECT finalize(1)
SELECT * FROM histogram(secrets, password)
SELECT * FROM summary((SELECT 1))
SELECT * FROM test_all_types()
SELECT * FROM test_vector_types(NULL::INT)
SELECT * FROM seq_scan('secrets')
SELECT * FROM python_map_function((SELECT 1))
SELECT * FROM pandas_scan(1)
SELECT * FROM arrow_scan(1, 2, 3)
SELECT * FROM checkpoint()
SELECT * FROM force_checkpoint()
SELECT * FROM enable_logging()
SELECT * FROM truncate_duckdb_logs()
SELECT * FROM which_secret('s3://x', 's3')
SELECT * FROM duckdb_table_sample('secrets')
SELECT * FROM coral_inner.spans
SELECT * FROM coral_window.otel_spans_local
SELECT * FROM coral_inner.columns
SELECT * FROM memory.main.otel_spans_local
SELECT * FROM temp.main.x
SELECT/**/ * /**/ FROM/**/ secrets -- comment
SELECT * FROM "secrets" AS otel_spans_local
SELECT * FROM (secrets)
SELECT * FROM (otel_spans_local CROSS JOIN secrets)
SELECT COLUMNS(*) FROM secrets
SELECT secrets.password FROM otel_spans_local, secrets
SELECT unnest((SELECT list(password) FROM secrets))
SELECT * FROM unnest((SELECT list(password) FROM secrets))
SELECT * FROM range((SELECT length(password) FROM secrets))
SELECT * FROM json_each((SELECT json_array(password) FROM secrets))
SELECT * FROM otel_spans_local ORDER BY (SELECT 1 FROM secrets)
SELECT * FROM otel_spans_local GROUP BY ALL HAVING (SELECT true FROM secrets)
SELECT * FROM otel_spans_local QUALIFY (SELECT true FROM secrets)
SELECT rank() OVER w FROM otel_spans_local WINDOW w AS (PARTITION BY (SELECT password FROM secrets))
SELECT arg_max(kind, duration_ns ORDER BY (SELECT password FROM secrets)) FROM otel_spans_local
SELECT try((SELECT password FROM secrets))
SELECT (SELECT password FROM secrets) COLLATE NOCASE
SELECT 'a' IN (SELECT password FROM secrets)
SELECT 'a' = ANY (SELECT password FROM secrets)
PIVOT otel_spans_local ON kind USING count(*)
SELECT DEFAULT
-- section: failed
SELECT bitstring_agg(i, 0, 4000000000) FROM range(4000000000) t(i)
SELECT bar(1, 0, 1, 2000000000)
SHOW ALL TABLES FROM dataset
SELECT * FROM U&"secrets"
SELECT 1 FROM otel_spans_local USING SAMPLE 10% WHERE EXISTS (FROM secrets)
SELECT len(range(10000000000))
SELECT len(generate_series(1, 10000000000))
SELEC 1
SELECT * FROM
SELECT foo
SELECT * FROM nowhere
SELECT * FROM otel_spans_local WHERE nothing = 1
SELECT 1 +
SELECT * FROM otel_spans_local LIMIT -1
SELECT 'a'::INT
SELECT error('x')
SELECT $a
SELECT ?
WITH x AS (SELECT 1) SELECT * FROM y
SELECT [1, 2
-- section: stopped
SELECT count(*) FROM range(1000000000000)
SELECT count(*) FROM range(10000000) a, range(10000000) b
SELECT count(*) FROM otel_spans_local a, otel_spans_local b, otel_spans_local c, otel_spans_local d
WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i FROM r) SELECT count(*) FROM r
WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT max(i) FROM r
WITH RECURSIVE r(s) AS (SELECT 'x' UNION ALL SELECT s || s FROM r) SELECT max(length(s)) FROM r
SELECT length(lpad('x', 2000000000, 'y')) FROM range(100)
SELECT length(repeat('x', 4000000000)) FROM range(100)
SELECT sum(length(repeat('abc', 1000000 + i::INT))) FROM range(300000) t(i)
SELECT levenshtein(repeat('a', 400000), repeat('b', 400000))
SELECT damerau_levenshtein(repeat('a', 100000), repeat('b', 100000))
SELECT max(jaro_winkler_similarity(repeat('ab', 300000), repeat('ba', 300000) || i)) FROM range(100) t(i)
SELECT list_reduce(range(100000000), lambda a, b: a + b)
SELECT list_sum(list_transform(range(1000000000), lambda x: x * 2))
SELECT len(list_concat(range(50000000), range(50000000)))
SELECT string_agg(i::VARCHAR, '') FROM range(1000000000) t(i)
SELECT len(list(i)) FROM range(1000000000) t(i)
SELECT count(DISTINCT i::VARCHAR || 'aaaaaaaaaaaaaaaaaa') FROM range(300000000) t(i)
SELECT count(*) FROM (SELECT i FROM range(1000000000) t(i) ORDER BY hash(i) OFFSET 5)
SELECT histogram(i) FROM range(1000000000) t(i)
SELECT count(*) FROM (SELECT unnest(range(100000)) FROM range(10000000))
SELECT max(a.i * b.i) FROM range(1000000) a(i) JOIN range(1000000) b(i) ON a.i + b.i > 5 AND a.i <> b.i
SELECT quantile_cont(i, 0.5) FROM range(1000000000) t(i)
SELECT sum(i) OVER (ORDER BY i ROWS BETWEEN 100000 PRECEDING AND CURRENT ROW) FROM range(1000000000) t(i) ORDER BY 1 DESC
SELECT mode(i) FROM range(1000000000) t(i)
SELECT count(*) FROM generate_series(TIMESTAMP '0001-01-01', TIMESTAMP '9999-01-01', INTERVAL 1 MICROSECOND)
SELECT array_agg(repeat('a', 1000000)) FROM range(100000)
SELECT map_from_entries(list_zip(range(20000000), range(20000000)))
SELECT factorial(33) FROM range(100000000000) WHERE range < -1
SELECT format('{:>2000000000}', 'x')
SELECT printf('%2000000000d', 1)
SELECT rpad('', 2000000000, 'ab') || rpad('', 2000000000, 'ab')
SELECT list_resize([1], 4000000000)
SELECT translate(repeat('a', 400000000), 'a', 'b')
SELECT regexp_replace(repeat('a', 200000000), '(a|aa)+$', 'b', 'g')
SELECT json_pretty(json_array(range(50000000)))
SELECT max(list_sort(range(10000000 + i))) FROM range(10000) t(i)
SELECT sum(sha256(repeat('x', 1000000) || i)[1:1] = 'a') FROM range(10000000) t(i)
