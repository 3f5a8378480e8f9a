-- Coarser tiers of `rollups`: the same rows merged into longer buckets, never averaged.
CREATE TABLE rollups_15m AS FROM rollups LIMIT 0;
CREATE TABLE rollups_1h AS FROM rollups LIMIT 0;
CREATE TABLE rollups_1d AS FROM rollups LIMIT 0;

-- What agents said last about themselves.
CREATE TABLE agent_health (
    agent_id VARCHAR NOT NULL,
    reported_at TIMESTAMP NOT NULL,
    report BLOB NOT NULL                -- coral.colony.v1.AgentHealth
);
