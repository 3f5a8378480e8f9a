"""Listening: sockets and gRPC servers, with errors that name the address."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from coral.config.address import format_address, parse_address
from coral.errors import ListenError
from coral.serve.certificate import ServerCertificate

_BASE_OPTIONS: Final = [("grpc.so_reuseport", 0)]


def parse_listen(text: str) -> tuple[str, int]:
    """Parses the address to listen on; port 0 means a free one.

    Raises:
        UsageError: It is not `HOST:PORT`.
    """
    host, _, port = text.rpartition(":")
    if port == "0":
        return parse_address(f"{host}:1")[0], 0
    return parse_address(text)


def listen_tcp(text: str, *, setting: str | None = None) -> socket.socket:
    """Opens a listening TCP socket.

    Args:
        text: `HOST:PORT`; port 0 picks a free one.
        setting: What another address is chosen by, for the error's hint.

    Raises:
        UsageError: The address is malformed.
        ListenError: The address is in use or not this machine's.
    """
    host, port = parse_listen(text)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host, port))
        opened.listen(1024)
    except OSError as error:
        opened.close()
        raise _cannot_listen(text, error.strerror or str(error), setting) from error
    return opened


def socket_address(opened: socket.socket) -> str:
    """The address of a listening socket as `HOST:PORT`."""
    host, port = opened.getsockname()[:2]
    return format_address(host, port)


@dataclass(frozen=True)
class ServerBounds:
    """What all clients of a server together may take; for a port that strangers reach.

    Attributes:
        connections: Connections at once; more are closed as they come.
        streams: Calls under way on one connection; what comes of more depends on the client.
        calls: Calls under way on all of them; more are refused as overload.
    """

    connections: int
    streams: int
    calls: int


class GrpcServer:
    """A grpc.aio server with health and, where wanted, reflection.

    The health service answers SERVING for every service between `start` and `stop`.
    """

    def __init__(
        self,
        *,
        max_message_bytes: int,
        max_request_bytes: int | None = None,
        bounds: ServerBounds | None = None,
        interceptors: Sequence[grpc.aio.ServerInterceptor] = (),
    ) -> None:
        """Listens nowhere yet.

        Args:
            max_message_bytes: Size of one message; a larger one is refused with `RESOURCE_EXHAUSTED`.
            max_request_bytes: The same for what clients send, where it is less.
            bounds: What clients may take together, or None for no bounds.
            interceptors: Those of grpc; the first sees a call first.
        """
        options = [
            *_BASE_OPTIONS,
            ("grpc.max_receive_message_length", max_request_bytes or max_message_bytes),
            ("grpc.max_send_message_length", max_message_bytes),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
        ]
        if bounds is not None:
            options += [
                ("grpc.max_allowed_incoming_connections", bounds.connections),
                ("grpc.max_concurrent_streams", bounds.streams),
                # Beyond the first number grpc cancels some of the calls that wait to be taken, at random.
                ("grpc.server.max_pending_requests", bounds.calls),
                ("grpc.server.max_pending_requests_hard_limit", 2 * bounds.calls),
                # A client that has vanished without a word frees its connection.
                ("grpc.keepalive_time_ms", 60_000),
                ("grpc.keepalive_timeout_ms", 20_000),
            ]
        self.server = grpc.aio.server(
            interceptors=interceptors,
            options=options,
            maximum_concurrent_rpcs=None if bounds is None else bounds.calls,
        )
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self.server)

    def listen(
        self, text: str, *, setting: str | None = None, certificate: ServerCertificate | None = None
    ) -> str:
        """Opens the port; answers the address with the real port.

        Args:
            text: `HOST:PORT`; port 0 picks a free one.
            certificate: For TLS; None for none.
            setting: What another address is chosen by, for the error's hint.

        Raises:
            UsageError: The address is malformed.
            ListenError: It cannot be opened.
        """
        host, port = parse_listen(text)
        # grpc reports a failed bind without its cause, so a plain socket is asked first.
        listen_tcp(text, setting=setting).close()
        try:
            if certificate is None:
                bound = self.server.add_insecure_port(format_address(host, port))
            else:
                bound = self.server.add_secure_port(format_address(host, port), certificate.credentials())
        except RuntimeError as error:
            raise _cannot_listen(text, str(error), setting) from error
        return format_address(host, bound)

    async def start(self, services: Sequence[str], *, reflect: bool) -> None:
        """Accepts calls from now on.

        Args:
            services: Full names of the services added to `server`.
            reflect: Whether to describe them by gRPC reflection.
        """
        if reflect:
            names: Any = (*services, reflection.SERVICE_NAME, health.SERVICE_NAME)
            reflection.enable_server_reflection(names, self.server)
        await self.server.start()
        for name in ("", *services):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def stop(self, grace_seconds: float) -> None:
        """Refuses new calls and ends those under way after the grace."""
        await self._health.enter_graceful_shutdown()
        await self.server.stop(grace_seconds)


def _cannot_listen(text: str, reason: str, setting: str | None) -> ListenError:
    by = "" if setting is None else f" by {setting}"
    return ListenError(
        f"cannot listen on {text}: {reason}",
        hint=f"is another process using the port? Choose another one{by}, or port 0 for a free one",
    )
