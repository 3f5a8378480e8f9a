-- Metric points of all five kinds.
ALTER TABLE metrics ADD COLUMN start_time TIMESTAMP;
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
    cpu_pct DOUBLE NOT NULL,
    mem_used BIGINT NOT NULL,
    mem_total BIGINT NOT NULL,
    load1 DOUBLE NOT NULL,
    disk_read_bytes BIGINT NOT NULL,    -- since the sample before
    disk_write_bytes BIGINT NOT NULL,
    net_receive_bytes BIGINT NOT NULL,
    net_transmit_bytes BIGINT NOT NULL
);

-- Requests that were stored, by digest: a request resent after a lost acknowledgement is not stored again.
CREATE TABLE otlp_requests (
    digest BLOB NOT NULL,
    received_at TIMESTAMP NOT NULL
);

-- The last cumulative point of each metric series that is rolled up, to take differences from.
CREATE TABLE metric_series (
    series VARCHAR NOT NULL,            -- digest of service, instance, metric and attributes
    last_time TIMESTAMP NOT NULL,
    state VARCHAR NOT NULL              -- JSON: start, counts
);

INSERT INTO counters VALUES ('log_records_stored', 0), ('resent_requests', 0), ('batches_given_up', 0),
    ('spans_given_up', 0), ('raw_rows_given_up', 0), ('overflow_services', 0), ('overflow_operations', 0);
