"""The store on DuckDB: schema and migrations, one writer, sealed segments, readers."""
