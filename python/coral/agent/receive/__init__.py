"""OTLP receivers: gRPC (4317) and HTTP (4318). They decode, hand to `Ingest`, and answer after the commit."""
