-- The data plane: richer spans, metric points that merge, logs by count, the service graph, coarser tiers.
ALTER TABLE spans ADD COLUMN status_message VARCHAR;   -- NULL when none was given
ALTER TABLE spans ADD COLUMN scope_name VARCHAR;       -- the instrumentation library
ALTER TABLE spans ADD COLUMN events VARCHAR;           -- JSON array of {name, time_unix_nano, attributes}; NULL when none
ALTER TABLE spans ADD COLUMN links VARCHAR;            -- JSON array of {trace_id, span_id, attributes}; NULL when none

-- When a segment was made: raw data expire by their arrival, whatever times the clients wrote into them.
ALTER TABLE segments ADD COLUMN created_at TIMESTAMP;

-- Log records by severity; the records themselves stay on the agent.
CREATE TABLE log_counts (
    ingest_seq BIGINT NOT NULL,
    agent_id VARCHAR NOT NULL,
    bucket_time TIMESTAMP NOT NULL,
    service_name VARCHAR NOT NULL,
    severity VARCHAR NOT NULL,          -- TRACE, DEBUG, INFO, WARN, ERROR, FATAL, UNSPECIFIED
    record_count BIGINT NOT NULL
);

-- Calls from one service to another: deltas per minute, latency as the callee's side saw it.
CREATE TABLE service_edges (
    ingest_seq BIGINT NOT NULL,
    agent_id VARCHAR NOT NULL,
    bucket_time TIMESTAMP NOT NULL,
    caller VARCHAR NOT NULL,
    callee VARCHAR NOT NULL,
    request_count BIGINT NOT NULL,
    error_count BIGINT NOT NULL,
    sum_ns DOUBLE NOT NULL,
    min_ns BIGINT NOT NULL,
    max_ns BIGINT NOT NULL,
    bucket_index INTEGER[] NOT NULL,
    bucket_count BIGINT[] NOT NULL
);

-- Host metrics beyond CPU and memory; sums and counts, so that minutes merge.
ALTER TABLE system_metrics ADD COLUMN load1_sum DOUBLE;
ALTER TABLE system_metrics ADD COLUMN disk_read_bytes BIGINT;      -- transferred within the bucket
ALTER TABLE system_metrics ADD COLUMN disk_write_bytes BIGINT;
ALTER TABLE system_metrics ADD COLUMN net_receive_bytes BIGINT;
ALTER TABLE system_metrics ADD COLUMN net_transmit_bytes BIGINT;

-- Written by each transaction: after a failed commit of which nobody knows whether it reached the disk, this tells.
CREATE TABLE last_transaction (
    seq BIGINT NOT NULL     -- ingest sequence of the newest transaction
);
INSERT INTO last_transaction VALUES (0);
