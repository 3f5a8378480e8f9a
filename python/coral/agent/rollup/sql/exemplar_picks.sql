-- Which spans of chosen traces (relation exemplar_chosen) to send: per trace the ones that tell most, up to
-- its limit, and of all together as many as there is room for. cut is what the trace leaves out here.
WITH found AS (
    -- A client can send one span any number of times; each counts as one here.
    SELECT DISTINCT ON (s.trace_id, s.span_id) s.trace_id, s.span_id, s.is_root, s.status_code = 'ERROR' AS failed,
           s.kind, s.duration_ns, s.size, s.ingest_seq, c.sent, c.sample_weight
    FROM {spans} s JOIN exemplar_chosen c ON s.trace_id = c.trace_id
    WHERE s.ingest_seq > $lo OR (s.ingest_seq <= $lo AND c.is_new)
),
ranked AS (
    SELECT trace_id, span_id, ingest_seq, sent, sample_weight, size,
           row_number() OVER (
               PARTITION BY trace_id
               ORDER BY is_root DESC, failed DESC, kind = 'INTERNAL', duration_ns DESC, span_id
           ) AS place,
           count(*) OVER (PARTITION BY trace_id) AS total
    FROM found
),
fitting AS (
    SELECT * FROM ranked WHERE place <= $per_trace - sent
    WINDOW by_place AS (ORDER BY place, trace_id ROWS UNBOUNDED PRECEDING)
    QUALIFY row_number() OVER by_place <= $room AND sum(size) OVER by_place <= $bytes
)
SELECT trace_id, span_id, ingest_seq, sample_weight, place, total - count(*) OVER (PARTITION BY trace_id) AS cut
FROM fitting
