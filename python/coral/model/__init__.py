"""Domain types and arithmetic: durations, histogram buckets, labels. No I/O; imports only leaf modules."""
