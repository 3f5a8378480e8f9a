"""OTLP requests to Arrow columns. No I/O; imports pyarrow, opentelemetry-proto, limits, errors."""
