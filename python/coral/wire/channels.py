"""gRPC channels to a colony: in clear or by TLS, with the token on every call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import grpc

from coral.config.access import Access
from coral.limits import MAX_FLEET_MESSAGE_BYTES

Options = Sequence[tuple[str, Any]]

CLIENT_OPTIONS: Final[Options] = (
    ("grpc.max_receive_message_length", MAX_FLEET_MESSAGE_BYTES),
    ("grpc.enable_http_proxy", 0),
)
"""Those of everybody who asks a colony."""


class _Bearer(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Puts a token on calls."""

    def __init__(self, access: Access) -> None:
        self._metadata = access.metadata()

    def intercept_unary_unary(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        """Passes the call on."""
        return continuation(self._with_token(details), request)

    def intercept_unary_stream(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        """Passes the call on."""
        return continuation(self._with_token(details), request)

    def _with_token(self, details: Any) -> Any:
        return details._replace(metadata=[*(details.metadata or ()), *self._metadata])


def open_channel(address: str, access: Access, options: Options = CLIENT_OPTIONS) -> grpc.Channel:
    """Opens a channel; a context manager. The token goes with unary and server-streaming calls.

    Args:
        address: `HOST:PORT`.
        access: With what.
        options: Those of gRPC.
    """
    if access.ca is None:
        channel = grpc.insecure_channel(address, options=options)
    else:
        channel = grpc.secure_channel(address, _credentials(access.ca), options=options)
    return channel if access.token is None else grpc.intercept_channel(channel, _Bearer(access))


def open_aio_channel(address: str, access: Access, options: Options) -> grpc.aio.Channel:
    """Opens a channel for asyncio; give `access.metadata()` to each call.

    Args:
        address: `HOST:PORT`.
        access: With what.
        options: Those of gRPC.
    """
    if access.ca is None:
        return grpc.aio.insecure_channel(address, options=options)
    return grpc.aio.secure_channel(address, _credentials(access.ca), options=options)


def _credentials(ca: str) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(root_certificates=ca.encode())
