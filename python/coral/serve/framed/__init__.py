"""The framed transport's server: calls of gRPC services over a Unix socket, without gRPC's cost.

The wire is told in `proto/coral/sdk/v1/runtime.proto`; why it exists, in docs/adr/0009-framed-transport.md.
`FramedServer` takes the same servicers as a gRPC server, unchanged, and serves them to scripts: each run gets
a socket in a directory of its own, and a token.
"""

from coral.serve.framed.connection import FramedBounds
from coral.serve.framed.loopback import LoopbackFrames
from coral.serve.framed.server import Endpoint, FramedServer, FramedStatistics

__all__ = ["Endpoint", "FramedBounds", "FramedServer", "FramedStatistics", "LoopbackFrames"]
