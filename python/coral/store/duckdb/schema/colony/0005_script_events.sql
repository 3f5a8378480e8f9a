-- Events that scripts emitted.
CREATE TABLE script_events (
    ingest_seq BIGINT NOT NULL,
    event_id VARCHAR NOT NULL,          -- UUID, chosen by the SDK
    execution_id VARCHAR NOT NULL,      -- UUID of the run
    script_id VARCHAR NOT NULL,         -- UUID of the deployed script; empty for `coral run`
    script_name VARCHAR NOT NULL,
    agent_id VARCHAR NOT NULL,          -- empty for `coral run`
    name VARCHAR NOT NULL,              -- "alert" and the like
    severity INTEGER NOT NULL,          -- coral.sdk.v1.Severity, 1 to 3
    data VARCHAR NOT NULL,              -- JSON object
    event_time TIMESTAMP NOT NULL,      -- by the script's clock
    received_at TIMESTAMP NOT NULL      -- by the colony's clock
);
