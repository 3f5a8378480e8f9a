"""Errors that an agent answers a colony's question with."""

from __future__ import annotations

from coral._proto.colony.v1 import fleet_pb2
from coral.errors import CoralError
from coral.wire.status import from_reason


def from_failure(failure: fleet_pb2.AgentFailure) -> CoralError:
    """The error of a message."""
    return from_reason(failure.reason, failure.message, hint=failure.hint or None)
