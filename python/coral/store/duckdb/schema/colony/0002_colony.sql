-- The fleet: who has connected, and what of them is applied.
CREATE TABLE agents (
    agent_id VARCHAR NOT NULL,
    hostname VARCHAR NOT NULL,
    platform VARCHAR NOT NULL,
    coral_version VARCHAR NOT NULL,
    labels VARCHAR NOT NULL,        -- JSON object
    last_seen TIMESTAMP NOT NULL
);

CREATE TABLE applied_sequences (
    agent_id VARCHAR NOT NULL,
    epoch VARCHAR NOT NULL,
    last_sequence BIGINT NOT NULL
);
