"""Errors on the wire: `CoralError` to and from `google.rpc.Status` with an `ErrorInfo`.

The reason names the class of the error, the metadata carry the hint and the error's own fields, so
that a client in any language can rebuild a typed error.
"""

from __future__ import annotations

from typing import Any, Final, NoReturn

import grpc
from google.protobuf import any_pb2
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

from coral.config.access import CLEAR, Access
from coral.errors import (
    CoralError,
    DeniedError,
    ForbiddenError,
    LimitError,
    MemoryLimitError,
    NoDataError,
    NotFoundError,
    OverloadedError,
    QueryError,
    QuotaError,
    StorageError,
    StorageFullError,
    UnauthenticatedError,
    UnreachableError,
    UnsupportedError,
    UsageError,
)
from coral.limits import MAX_QUERY_CALLS, MAX_QUERY_REQUEST_BYTES
from coral.wire.tls import why_no_talk

DOMAIN: Final = "coral"
DETAILS_KEY: Final = "grpc-status-details-bin"
_RETRY_DELAY: Final = Duration(seconds=1)

_MAPPING: Final[tuple[tuple[type[CoralError], str, grpc.StatusCode], ...]] = (
    (NoDataError, "NO_DATA", grpc.StatusCode.NOT_FOUND),
    (NotFoundError, "NOT_FOUND", grpc.StatusCode.NOT_FOUND),
    (UsageError, "INVALID_ARGUMENT", grpc.StatusCode.INVALID_ARGUMENT),
    (UnauthenticatedError, "UNAUTHENTICATED", grpc.StatusCode.UNAUTHENTICATED),
    (ForbiddenError, "PERMISSION_DENIED", grpc.StatusCode.PERMISSION_DENIED),
    (DeniedError, "QUERY_REFUSED", grpc.StatusCode.PERMISSION_DENIED),
    (QueryError, "QUERY_FAILED", grpc.StatusCode.INVALID_ARGUMENT),
    (MemoryLimitError, "QUERY_MEMORY", grpc.StatusCode.RESOURCE_EXHAUSTED),
    (QuotaError, "QUOTA", grpc.StatusCode.RESOURCE_EXHAUSTED),
    (LimitError, "QUERY_TIMEOUT", grpc.StatusCode.DEADLINE_EXCEEDED),
    (OverloadedError, "OVERLOADED", grpc.StatusCode.RESOURCE_EXHAUSTED),
    # OTLP clients retry UNAVAILABLE always, RESOURCE_EXHAUSTED only when it comes with a delay.
    (StorageFullError, "STORAGE_FULL", grpc.StatusCode.UNAVAILABLE),
    (StorageError, "STORAGE", grpc.StatusCode.UNAVAILABLE),
    (UnsupportedError, "UNIMPLEMENTED", grpc.StatusCode.UNIMPLEMENTED),
    (UnreachableError, "UNAVAILABLE", grpc.StatusCode.UNAVAILABLE),
)
_BY_REASON: Final = {reason: kind for kind, reason, _ in _MAPPING}
_GRPC_CODE_NUMBER: Final = {code: code.value[0] for code in grpc.StatusCode}


def to_code(error: CoralError) -> tuple[str, grpc.StatusCode]:
    """The reason and the gRPC code of an error."""
    for kind, reason, code in _MAPPING:
        if isinstance(error, kind):
            return reason, code
    return "INTERNAL", grpc.StatusCode.INTERNAL


def from_reason(reason: str, message: str, *, hint: str | None = None) -> CoralError:
    """The error that a reason stands for."""
    return _BY_REASON.get(reason, CoralError)(message, hint=hint)


def to_status(error: CoralError) -> status_pb2.Status:
    """The status message of an error; its fields and its hint become metadata."""
    reason, code = to_code(error)
    metadata = dict(error.fields)
    if error.hint:
        metadata["hint"] = error.hint
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN, metadata=metadata))
    status = status_pb2.Status(code=_GRPC_CODE_NUMBER[code], message=error.message, details=[detail])
    if isinstance(error, OverloadedError):
        # OTLP clients retry RESOURCE_EXHAUSTED only when they are told so.
        status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=_RETRY_DELAY))
    return status


async def abort(context: grpc.aio.ServicerContext[Any, Any], error: CoralError) -> NoReturn:
    """Ends a call with an error."""
    _, code = to_code(error)
    context.set_trailing_metadata(((DETAILS_KEY, to_status(error).SerializeToString()),))
    await context.abort(code, error.message)


def from_rpc_error(error: grpc.RpcError, *, address: str, access: Access = CLEAR) -> CoralError:
    """The error that a failed call stands for; where nothing answers, it is looked why, for 3 s at most.

    Args:
        error: What grpc raised.
        address: Where the call went; named when nothing answers there.
        access: With what.
    """
    call: grpc.Call = error  # type: ignore[assignment]  # grpc raises calls that are errors
    for key, value in call.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            rebuilt = _from_details(value)
            if rebuilt is not None:
                return rebuilt
    code = call.code()
    if code is grpc.StatusCode.UNAVAILABLE:
        reason = why_no_talk(address, access)
        if reason is not None:
            return reason
        return UnreachableError(
            f"no colony answers at {address}",
            hint="check the address (--colony or CORAL_COLONY) and that `coral colony start` runs there",
        )
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return LimitError(f"{address} did not answer within the call's time limit")
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return UnreachableError(
            f"{address} does not know this call: {call.details()}",
            hint="is it a Coral colony of the same version?",
        )
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        bound = _of_grpc(call.details() or "", address)
        if bound is not None:
            return bound
    return CoralError(f"the call to {address} failed: {code.name}: {call.details()}")


def _of_grpc(details: str, address: str) -> CoralError | None:
    """The error that a bound stands for which grpc keeps itself, in its own words."""
    if "SERVER: Received message larger than max" in details:
        return LimitError(
            f"the request is larger than {address} takes: the limit MAX_QUERY_REQUEST_BYTES is"
            f" {MAX_QUERY_REQUEST_BYTES}",
            hint="ask in several smaller requests",
        )
    if "Concurrent RPC limit exceeded" in details:
        return OverloadedError(
            f"{address} has too many calls under way: the limit MAX_QUERY_CALLS is {MAX_QUERY_CALLS}",
            hint="retry later",
        )
    return None


def _from_details(serialized: bytes) -> CoralError | None:
    status = status_pb2.Status.FromString(serialized)
    for detail in status.details:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info) and info.domain == DOMAIN:
            kind = _BY_REASON.get(info.reason, CoralError)
            fields = {key: value for key, value in info.metadata.items() if key != "hint"}
            return kind(status.message, hint=info.metadata.get("hint"), fields=fields)
    return None
