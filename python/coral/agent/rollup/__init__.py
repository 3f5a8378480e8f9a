"""From raw rows to what travels: mergeable deltas, exemplars, and the outbox batches that carry them.

`run.Rollup` is the one job; each kind of row has a module of its own that answers an Arrow table for
the rows with `ingest_seq` in (low, high].
"""
