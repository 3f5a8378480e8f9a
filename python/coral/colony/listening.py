"""The two ports of a colony: one for questions, which scripts reach too, and one for agents.

A script may connect to the query port, so nothing is served there that a script must not call, and what
clients take of it is bounded. FleetService, with its large messages, has a port that a script's walls deny
(docs/adr/0007-fleet-port.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import grpc

from coral.colony.telemetry import GIVEN_UP
from coral.config.address import format_address, parse_address
from coral.limits import (
    MAX_ARRIVING_QUERIES,
    MAX_ENDLESS_QUERY_CALLS,
    MAX_FLEET_MESSAGE_BYTES,
    MAX_QUERY_CALLS,
    MAX_QUERY_CONNECTIONS,
    MAX_QUERY_REQUEST_BYTES,
    MAX_QUERY_STREAMS,
    QUERY_ARRIVAL_SECONDS,
)
from coral.ports import COLONY_FLEET
from coral.serve.arrival import RequestArrival
from coral.serve.certificate import ServerCertificate
from coral.serve.listen import GrpcServer, ServerBounds, parse_listen

QUERY_SERVICES: Final = (
    "coral.colony.v1.QueryService",
    "coral.colony.v1.StatusService",
    "coral.sdk.v1.RuntimeService",
)
FLEET_SERVICES: Final = ("coral.colony.v1.FleetService",)


def default_fleet_address(listen: str) -> str:
    """Where agents are served if nothing else is said: on the same host, at the well-known port.

    Args:
        listen: The address for queries; with port 0 agents get a free port as well.

    Raises:
        UsageError: The address is malformed.

    >>> default_fleet_address("[::1]:4000")
    '[::1]:9001'
    """
    host, port = parse_listen(listen)
    return format_address(host, COLONY_FLEET if port else 0)


class ColonyPorts:
    """Both servers. Services are added to `queries` and `fleet` before `start`.

    Attributes:
        queries: Serves questions.
        fleet: Serves agents.
        query_address: `HOST:PORT` of the first.
        fleet_address: `HOST:PORT` of the second.
    """

    def __init__(
        self,
        listen: str,
        fleet_listen: str | None,
        *,
        interceptors: Sequence[grpc.aio.ServerInterceptor] = (),
        first: Sequence[grpc.aio.ServerInterceptor] = (),
        certificate: ServerCertificate | None = None,
    ) -> None:
        """Opens both ports; calls are taken from `start` on.

        Args:
            listen: Address for queries.
            fleet_listen: Address for agents; None is `default_fleet_address`.
            interceptors: Of both servers.
            first: Those that stand before all others: they decide whether anything of a call is read.
            certificate: For TLS on both; None for none.

        Raises:
            UsageError: An address is malformed.
            ListenError: One cannot be opened.
        """
        arrival = RequestArrival(
            at_once=MAX_ARRIVING_QUERIES,
            seconds=QUERY_ARRIVAL_SECONDS,
            endless=MAX_ENDLESS_QUERY_CALLS,
            given_up=GIVEN_UP,
        )
        self.queries = GrpcServer(
            max_message_bytes=MAX_FLEET_MESSAGE_BYTES,
            max_request_bytes=MAX_QUERY_REQUEST_BYTES,
            bounds=ServerBounds(
                connections=MAX_QUERY_CONNECTIONS, streams=MAX_QUERY_STREAMS, calls=MAX_QUERY_CALLS
            ),
            interceptors=[*first, arrival, *interceptors],
        )
        self.fleet = GrpcServer(
            max_message_bytes=MAX_FLEET_MESSAGE_BYTES, interceptors=[*first, *interceptors]
        )
        self.query_address = self.queries.listen(listen, certificate=certificate)
        self.fleet_address = self.fleet.listen(
            fleet_listen or default_fleet_address(listen),
            setting="--fleet-listen",
            certificate=certificate,
        )
        self.queries.server.add_generic_rpc_handlers([_elsewhere(self.fleet_port)])

    @property
    def fleet_port(self) -> int:
        """The TCP port for agents."""
        return parse_address(self.fleet_address)[1]

    async def start(self) -> None:
        """Takes calls from now on; the port for agents first, because the other one names it."""
        await self.fleet.start(FLEET_SERVICES, reflect=False)
        await self.queries.start(QUERY_SERVICES, reflect=True)

    async def stop(self, grace_seconds: float) -> None:
        """Refuses new calls on both and ends those under way after the grace."""
        await asyncio.gather(self.queries.stop(grace_seconds), self.fleet.stop(grace_seconds))


def _elsewhere(fleet_port: int) -> grpc.GenericRpcHandler:
    """Tells an agent that is older than this colony, or has a wrong `--fleet`, where FleetService is."""

    async def refuse(requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext[Any, Any]) -> None:
        await context.abort(
            grpc.StatusCode.UNIMPLEMENTED,
            f"agents are served at port {fleet_port}, not here: is this agent older than the colony?",
        )

    connect: Any = grpc.stream_stream_rpc_method_handler(refuse)
    return grpc.method_handlers_generic_handler(FLEET_SERVICES[0], {"Connect": connect})
