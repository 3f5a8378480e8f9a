"""Why two sides do not talk that might: gRPC says of a failed handshake that nobody answers."""

from __future__ import annotations

import socket
import ssl
from typing import Final

from coral.config.access import Access
from coral.config.address import parse_address
from coral.errors import ConfigError, CoralError, UnreachableError

_SECONDS: Final = 1.5
_EXPIRED: Final = 10  # X509_V_ERR_CERT_HAS_EXPIRED
_NOT_YET: Final = 9
_WRONG_NAME: Final = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


def why_no_talk(address: str, access: Access) -> CoralError | None:
    """Looks whether it is for TLS that a call failed, by a handshake of its own.

    Args:
        address: Where it went, `HOST:PORT`.
        access: With what.

    Returns:
        The error, or None where TLS is not the reason: nobody listens, for example.
    """
    host, port = parse_address(address)
    if access.ca is None:
        unchecked = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
        if _handshake(host, port, unchecked) is not None:
            return None
        return UnreachableError(
            f"the colony at {address} speaks TLS, and was spoken to in clear",
            hint="name its certificate authority: --tls-ca FILE or CORAL_TLS_CA, or tls_ca in its context",
        )
    try:
        context = ssl.create_default_context(cadata=access.ca)
    except (ssl.SSLError, ValueError):
        return ConfigError("the certificate authorities cannot be read", hint="--tls-ca is a PEM file")
    failure = _handshake(host, port, context)
    if isinstance(failure, ssl.SSLCertVerificationError):
        return _of_certificate(address, host, failure)
    # A server without TLS closes on what it cannot read, or answers with something that is none.
    if isinstance(failure, (ssl.SSLError, ConnectionResetError, BrokenPipeError)):
        return UnreachableError(
            f"{address} answers, but speaks no TLS",
            hint="leave --tls-ca (CORAL_TLS_CA) away, or start the colony with --tls-cert and --tls-key",
        )
    return None


def _of_certificate(address: str, host: str, failure: ssl.SSLCertVerificationError) -> CoralError:
    code = failure.verify_code
    if code == _EXPIRED:
        return UnreachableError(
            f"the certificate of the colony at {address} has expired",
            hint="give the colony a new one (--tls-cert); if it has one, check this machine's clock",
        )
    if code == _NOT_YET:
        return UnreachableError(
            f"the certificate of the colony at {address} does not hold yet", hint="check this machine's clock"
        )
    if code in _WRONG_NAME:
        return UnreachableError(
            f"the certificate of the colony at {address} is not for {host}",
            hint="use a name that the certificate has, or give the colony one for this name",
        )
    return UnreachableError(
        f"the certificate of the colony at {address} cannot be trusted: {failure.verify_message}",
        hint="--tls-ca (CORAL_TLS_CA) names the authority that signed it",
    )


def _handshake(host: str, port: int, context: ssl.SSLContext) -> OSError | None:
    """Shakes hands and hangs up; returns what went wrong."""
    context.set_alpn_protocols(["h2"])
    try:
        with (
            socket.create_connection((host, port), _SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host),
        ):
            return None
    except OSError as error:
        return error
