-- Exponential histogram at scale 6; the same arithmetic as coral/model/histogram.py.
CREATE OR REPLACE MACRO bucket_of(v) AS
    CASE WHEN v <= 0 THEN -2 ELSE CAST(ceil(log2(greatest(v, 1)) * 64) AS INTEGER) - 1 END;
CREATE OR REPLACE MACRO bucket_value(i) AS
    CASE WHEN i = -2 THEN 0.0 ELSE pow(2.0, i / 64.0) * 2.0 * pow(2.0, 1.0 / 64) / (1.0 + pow(2.0, 1.0 / 64)) END;
-- The value at a rank (from 0) out of n, given the first bucket that reaches beyond it.
CREATE OR REPLACE MACRO at_rank(k, n, bucket, smallest, largest) AS
    CASE WHEN k <= 0 THEN smallest WHEN k >= n - 1 THEN largest
         ELSE least(greatest(bucket_value(bucket), smallest), largest) END;
-- Linear interpolation between the values at floor(rank) and ceil(rank).
CREATE OR REPLACE MACRO between_ranks(q, n, low, high, smallest, largest) AS
    at_rank(floor(q * (n - 1)), n, low, smallest, largest)
    + (at_rank(ceil(q * (n - 1)), n, high, smallest, largest)
       - at_rank(floor(q * (n - 1)), n, low, smallest, largest))
      * (q * (n - 1) - floor(q * (n - 1)));
