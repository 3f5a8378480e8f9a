-- Spans to send: the fresh ones of chosen traces, and the older ones of traces that were chosen now.
SELECT s.* EXCLUDE (ingest_seq, agent_id, sample_weight), e.sample_weight
FROM spans s JOIN exemplar_traces e ON s.trace_id = e.trace_id
WHERE s.ingest_seq <= $hi
  AND (s.ingest_seq > $lo OR e.selected_seq = $hi)
