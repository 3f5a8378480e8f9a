CREATE TABLE metrics (
    ingest_seq BIGINT NOT NULL,
    service_name VARCHAR NOT NULL,
    instance_id VARCHAR NOT NULL,
    metric_name VARCHAR NOT NULL,
    metric_type VARCHAR NOT NULL,   -- GAUGE, SUM, HISTOGRAM, EXPONENTIAL_HISTOGRAM, SUMMARY
    temporality VARCHAR NOT NULL,   -- UNSPECIFIED, DELTA, CUMULATIVE
    unit VARCHAR NOT NULL,
    time TIMESTAMP NOT NULL,
    value DOUBLE,
    count BIGINT,
    sum DOUBLE,
    bounds DOUBLE[],
    bucket_counts BIGINT[],
    attributes VARCHAR NOT NULL
);

-- How far the rollup has come, and what waits for the colony.
CREATE TABLE rollup_progress (
    last_seq BIGINT NOT NULL,       -- highest ingest_seq that is rolled up
    last_sequence BIGINT NOT NULL   -- highest outbox sequence given out
);
INSERT INTO rollup_progress VALUES (0, 0);

CREATE TABLE outbox (
    sequence BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    payload BLOB NOT NULL           -- coral.colony.v1.Batch
);

-- Traces chosen as exemplars; their later spans are sent as well.
CREATE TABLE exemplar_traces (
    trace_id VARCHAR NOT NULL,
    sample_weight DOUBLE NOT NULL,
    selected_seq BIGINT NOT NULL,   -- the rollup that chose it: highest ingest_seq it looked at
    selected_at TIMESTAMP NOT NULL
);

-- Counters that survive a restart.
CREATE TABLE counters (
    name VARCHAR NOT NULL,
    value BIGINT NOT NULL
);
INSERT INTO counters VALUES ('spans_stored', 0), ('metric_points_stored', 0);
