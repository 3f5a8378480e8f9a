"""Between the wire and the model: protobuf times, Arrow IPC, errors as google.rpc.Status.

Imports model and leaf modules; with `client` and the servicers the only user of `_proto`.
"""
