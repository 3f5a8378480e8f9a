-- The fresh spans that are searched for calls.
SELECT DISTINCT ON (key) * FROM (
    SELECT hash(trace_id, span_id) AS key,
           CASE WHEN parent_span_id != '' AND kind IN ('SERVER', 'CONSUMER')
                THEN hash(trace_id, parent_span_id) END AS parent_key,
           service_name, kind IN ('CLIENT', 'PRODUCER') AS calls,
           date_trunc('minute', start_time) AS bucket_time, duration_ns, status_code = 'ERROR' AS failed,
           CASE WHEN kind IN ('CLIENT', 'PRODUCER') AND contains(attributes, '"peer.service"')
                THEN nullif(TRY(attributes ->> '$."peer.service"'), '') END AS peer,
           CASE WHEN kind = 'CLIENT' AND contains(attributes, '"db.system')
                THEN coalesce(nullif(TRY(attributes ->> '$."db.system.name"'), ''),
                              nullif(TRY(attributes ->> '$."db.system"'), '')) END AS database
    FROM {fresh_spans}
    WHERE {in_sample}
    LIMIT $most
)
