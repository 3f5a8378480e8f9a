"""Storage: an active DuckDB file for writes, immutable Parquet segments for everything older.

`api.py` holds what others program against, `duckdb/` the implementation, `guard/` the killable
workers that run callers' SQL. Imports only model, config and leaf modules.
"""
