-- The picked spans (relation exemplar_picked) in full; cells that are too long to cut in memory are dropped.
SELECT DISTINCT ON (s.trace_id, s.span_id)
       s.* EXCLUDE (ingest_seq, agent_id, sample_weight, attributes, events, links, status_message),
       CASE WHEN strlen(attributes) <= $longest THEN attributes ELSE '{"coral.attributes_left_out":"all"}' END AS attributes,
       CASE WHEN strlen(events) <= $longest THEN events END AS events,
       CASE WHEN strlen(links) <= $longest THEN links END AS links,
       left(status_message, 1000) AS status_message,
       p.sample_weight, CASE WHEN p.place = 1 THEN p.cut ELSE 0 END AS spans_cut
FROM {spans} s JOIN exemplar_picked p ON s.trace_id = p.trace_id AND s.span_id = p.span_id
