-- What every store has: its identity and the list of sealed segments.
CREATE TABLE store_identity (
    epoch VARCHAR NOT NULL  -- random id of this database; outbox sequences are counted within it
);
INSERT INTO store_identity SELECT replace(CAST(uuid() AS VARCHAR), '-', '');

CREATE TABLE segments (
    path VARCHAR PRIMARY KEY,      -- relative to the segments folder
    table_name VARCHAR NOT NULL,
    first_seq BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    row_count BIGINT NOT NULL,
    size_bytes BIGINT NOT NULL,
    min_time TIMESTAMP NOT NULL,
    max_time TIMESTAMP NOT NULL
);

-- Segmented tables: rows stay here until they are sealed into Parquet files.
CREATE TABLE spans (
    ingest_seq BIGINT NOT NULL,
    agent_id VARCHAR NOT NULL,
    trace_id VARCHAR NOT NULL,
    span_id VARCHAR NOT NULL,
    parent_span_id VARCHAR NOT NULL,
    service_name VARCHAR NOT NULL,
    instance_id VARCHAR NOT NULL,
    span_name VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    start_time TIMESTAMP NOT NULL,
    duration_ns BIGINT NOT NULL,
    status_code VARCHAR NOT NULL,
    attributes VARCHAR NOT NULL,
    sample_weight DOUBLE NOT NULL
);

CREATE TABLE rollups (
    ingest_seq BIGINT NOT NULL,
    agent_id VARCHAR NOT NULL,
    bucket_time TIMESTAMP NOT NULL,
    service_name VARCHAR NOT NULL,
    span_name VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    request_count BIGINT NOT NULL,
    error_count BIGINT NOT NULL,
    sum_ns DOUBLE NOT NULL,
    min_ns BIGINT NOT NULL,
    max_ns BIGINT NOT NULL,
    bucket_index INTEGER[] NOT NULL,
    bucket_count BIGINT[] NOT NULL
);

CREATE TABLE system_metrics (
    ingest_seq BIGINT NOT NULL,
    agent_id VARCHAR NOT NULL,
    bucket_time TIMESTAMP NOT NULL,
    sample_count BIGINT NOT NULL,
    cpu_pct_sum DOUBLE NOT NULL,
    mem_used_sum DOUBLE NOT NULL,
    mem_total BIGINT NOT NULL,
    last_sample_time TIMESTAMP NOT NULL
);

CREATE TABLE resources (
    ingest_seq BIGINT NOT NULL,
    agent_id VARCHAR NOT NULL,
    service_name VARCHAR NOT NULL,
    instance_id VARCHAR NOT NULL,
    attributes VARCHAR NOT NULL,
    last_seen TIMESTAMP NOT NULL
);
