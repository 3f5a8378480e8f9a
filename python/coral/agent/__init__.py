"""The agent: receives OTLP, keeps recent raw data, reduces it, and sends summaries to the colony.

`receive/` takes requests, `decode/` turns them into columns, `ingest.py` hands them to the one
writer, `rollup.py` reduces what was written, `uplink.py` delivers it. May import store, wire, model,
config and leaf modules; knows the colony only through `proto`.
"""
