-- Metric points of all five kinds.
ALTER TABLE metrics ADD COLUMN scope_name VARCHAR;
ALTER TABLE metrics ADD COLUMN start_time TIMESTAMP;       -- NULL when the point has none
ALTER TABLE metrics ADD COLUMN is_monotonic BOOLEAN;
ALTER TABLE metrics ADD COLUMN min DOUBLE;
ALTER TABLE metrics ADD COLUMN max DOUBLE;
ALTER TABLE metrics ADD COLUMN scale INTEGER;              -- exponential histograms
ALTER TABLE metrics ADD COLUMN zero_count BIGINT;
ALTER TABLE metrics ADD COLUMN positive_offset INTEGER;
ALTER TABLE metrics ADD COLUMN positive_counts BIGINT[];
ALTER TABLE metrics ADD COLUMN negative_offset INTEGER;
ALTER TABLE metrics ADD COLUMN negative_counts BIGINT[];
ALTER TABLE metrics ADD COLUMN quantiles DOUBLE[];         -- summaries
ALTER TABLE metrics ADD COLUMN quantile_values DOUBLE[];

CREATE TABLE logs (
    ingest_seq BIGINT NOT NULL,
    service_name VARCHAR NOT NULL,
    instance_id VARCHAR NOT NULL,
    time TIMESTAMP NOT NULL,
    severity VARCHAR NOT NULL,          -- TRACE, DEBUG, INFO, WARN, ERROR, FATAL, UNSPECIFIED
    severity_number INTEGER NOT NULL,   -- OpenTelemetry's 0 to 24
    body VARCHAR NOT NULL,              -- text as it is, anything else as JSON
    event_name VARCHAR NOT NULL,
    trace_id VARCHAR NOT NULL,          -- empty when there is none
    span_id VARCHAR NOT NULL,
    scope_name VARCHAR NOT NULL,
    attributes VARCHAR NOT NULL
);

-- Single host samples as they were taken.
CREATE TABLE host_samples (
    ingest_seq BIGINT NOT NULL,
    time TIMESTAMP NOT NULL,
    seconds DOUBLE NOT NULL,            -- time since the sample before, by the monotonic clock
    cpu_pct DOUBLE NOT NULL,            -- over that time and all cores, 0 to 100
    mem_used BIGINT NOT NULL,
    mem_total BIGINT NOT NULL,
    load1 DOUBLE,                       -- NULL where the system has none
    disk_read_bytes BIGINT,             -- since the sample before; NULL where the system does not tell
    disk_write_bytes BIGINT,
    net_receive_bytes BIGINT,
    net_transmit_bytes BIGINT
);

-- Requests that were stored, by digest: a request resent after a lost acknowledgement is not stored again.
CREATE TABLE otlp_requests (
    digest BLOB NOT NULL,
    received_at TIMESTAMP NOT NULL
);

-- What an outbox batch takes of the buffer, and how many exemplar spans it could give up.
ALTER TABLE outbox ADD COLUMN size_bytes BIGINT;
ALTER TABLE outbox ADD COLUMN span_count BIGINT;        -- NULL: not known, a batch of an older version
UPDATE outbox SET size_bytes = octet_length(payload);

-- Why a trace was chosen, to bound how many are per service and minute.
ALTER TABLE exemplar_traces ADD COLUMN service_name VARCHAR;    -- whose slow or failed span it was; NULL: sampled
ALTER TABLE exemplar_traces ADD COLUMN failed BOOLEAN;
ALTER TABLE exemplar_traces ADD COLUMN duration_ns BIGINT;      -- of that span
ALTER TABLE exemplar_traces ADD COLUMN span_count BIGINT;       -- spans of the trace sent so far

-- Spans that a child may still name as its parent, to find edges between services. Keys are hashes of
-- trace id and span id.
CREATE TABLE edge_parents (
    key UBIGINT NOT NULL,
    service_name VARCHAR NOT NULL,
    calls BOOLEAN NOT NULL,             -- CLIENT or PRODUCER
    weight BIGINT NOT NULL,             -- how many spans it stands for
    seen_at TIMESTAMP NOT NULL
);

-- SERVER and CONSUMER spans whose parent was not seen yet.
CREATE TABLE edge_children (
    parent_key UBIGINT NOT NULL,
    service_name VARCHAR NOT NULL,
    bucket_time TIMESTAMP NOT NULL,
    duration_ns BIGINT NOT NULL,
    failed BOOLEAN NOT NULL,
    weight BIGINT NOT NULL,
    seen_at TIMESTAMP NOT NULL
);

-- CLIENT and PRODUCER spans that name their peer service, and whose callee was not seen yet.
CREATE TABLE edge_calls (
    key UBIGINT NOT NULL,
    service_name VARCHAR NOT NULL,
    peer VARCHAR NOT NULL,
    bucket_time TIMESTAMP NOT NULL,
    duration_ns BIGINT NOT NULL,
    failed BOOLEAN NOT NULL,
    weight BIGINT NOT NULL,
    seen_at TIMESTAMP NOT NULL
);

-- The last cumulative point of each metric series that is rolled up, to take differences from.
CREATE TABLE metric_series (
    series VARCHAR NOT NULL,            -- digest of service, instance, metric and attributes
    last_time TIMESTAMP NOT NULL,
    state VARCHAR NOT NULL              -- JSON: start, counts
);

INSERT INTO counters VALUES ('log_records_stored', 0), ('resent_requests', 0), ('batches_given_up', 0),
    ('spans_given_up', 0), ('raw_rows_given_up', 0), ('exemplar_spans_cut', 0), ('edge_spans_skipped', 0),
    ('overflow_services', 0), ('overflow_operations', 0),
    ('metric_points_not_rolled_up', 0);

-- Sequences go on from here even when nothing is left that carries them, else new rows would count as rolled up.
UPDATE last_transaction SET seq = (SELECT max(last_seq) FROM rollup_progress);
