-- After a loss, in the transaction that rebuilds the list of segments. `$1` is the highest sealed sequence.
-- Only what is rolled up is sealed, so the rollup had come at least so far (but for spans of the last seconds
-- that were written as segments at once: better uncounted than counted twice). Sequences of the outbox that were
-- given out in what is lost must not be given out again: the colony would take them for batches it has.
UPDATE rollup_progress SET
    last_seq = greatest(last_seq, $1),
    last_sequence = greatest(last_sequence, (SELECT coalesce(max(sequence), 0) FROM outbox)) + 1000000;
