"""Whom a colony lets in: TLS and tokens, and the addresses that it does not open without."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc

from coral.clock import Clock
from coral.colony.fleet import FleetServicer
from coral.colony.listening import default_fleet_address
from coral.config.access import is_loopback
from coral.errors import ConfigError, UnauthenticatedError
from coral.serve.authorize import Authorization
from coral.serve.certificate import ServerCertificate
from coral.serve.listen import parse_listen
from coral.serve.tokens import Tokens

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SecurityOptions:
    """What is configured.

    Attributes:
        tls_cert: Path of the certificate, or None.
        tls_key: Path of its key, or None.
        token_file: Path of the tokens, or None for none: everybody may do everything.
    """

    tls_cert: Path | None = None
    tls_key: Path | None = None
    token_file: Path | None = None


class Security:
    """TLS and tokens of a colony that runs."""

    def __init__(
        self, options: SecurityOptions, *, listen: str, fleet_listen: str | None, clock: Clock
    ) -> None:
        """Reads the files.

        Args:
            options: What is configured.
            listen: Address for queries.
            fleet_listen: Address for agents, or None for the default one.
            clock: The time.

        Raises:
            ConfigError: A file cannot be used, or an address that other machines reach has no TLS.
        """
        cert, key = options.tls_cert, options.tls_key
        if (cert is None) != (key is None):
            given, missing = ("tls_cert", "tls_key") if key is None else ("tls_key", "tls_cert")
            flag = f"--{missing.replace('_', '-')}"
            raise ConfigError(
                f"{given} is set, and {missing} is not", hint=f"add {flag} FILE: TLS needs both"
            )
        self.certificate = None if cert is None else ServerCertificate(str(cert), str(key))
        self.tokens = None
        exposed = _exposed(listen=listen, fleet_listen=fleet_listen or default_fleet_address(listen))
        if exposed and self.certificate is None:
            name, address = exposed[0]
            raise ConfigError(
                f"{name} is {address}, which other machines reach, and there is no TLS",
                hint="add --tls-cert FILE and --tls-key FILE, or listen on 127.0.0.1;"
                " docs/guides/tls-and-tokens.md tells how",
            )
        if options.token_file is not None:
            self.tokens = Tokens(str(options.token_file), clock=clock)
        elif exposed:
            _log.warning(
                "%s is %s, and there is no token_file: whoever reaches it reads all and may pose as an agent",
                *exposed[0],
            )

    def interceptors(self) -> Sequence[grpc.aio.ServerInterceptor]:
        """What stands before all others of both ports."""
        return [] if self.tokens is None else [Authorization(self.tokens)]

    def problems(self) -> list[str]:
        """What an operator should know."""
        return [] if self.tokens is None else self.tokens.problems()

    async def watch(self, fleet: FleetServicer) -> None:
        """Keeps tokens fresh, and ends streams of agents whose token is gone, until cancelled."""
        tokens = self.tokens
        if tokens is None:
            return

        def end_strangers() -> None:
            fleet.end_streams(
                lambda caller: not tokens.still_knows(caller),
                UnauthenticatedError("the agent's token was revoked", hint="give the agent another one"),
            )

        await tokens.watch(end_strangers)


def _exposed(**addresses: str) -> list[tuple[str, str]]:
    """The addresses that other machines reach."""
    return [(name, text) for name, text in addresses.items() if not is_loopback(parse_listen(text)[0])]
