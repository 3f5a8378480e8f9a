"""A server's certificate with its key: checked at the start, taken anew when the files change."""

from __future__ import annotations

import logging
import os
import ssl
from typing import Any

import grpc

from coral.config.bounded_file import MAX_PEM_BYTES, read_bounded
from coral.errors import ConfigError

_log = logging.getLogger(__name__)


class ServerCertificate:
    """A certificate chain and a key, from two PEM files."""

    def __init__(self, cert: str, key: str) -> None:
        """Reads both.

        Args:
            cert: Path of the certificate, those that lead to the authority after it.
            key: Path of its private key, without a password.

        Raises:
            ConfigError: A file cannot be used, or they do not belong together.
        """
        self._cert = cert
        self._key = key
        self._state = _state(cert, key)
        self._pair = _read(cert, key)
        self._problem: str | None = None

    def credentials(self) -> grpc.ServerCredentials:
        """What gRPC listens with; each handshake looks whether the files are others than before."""
        certificates = [self._pair]
        configuration = grpc.ssl_server_certificate_configuration(certificates)
        credentials: grpc.ServerCredentials = grpc.dynamic_ssl_server_credentials(
            configuration, self._newer, require_client_authentication=False
        )
        return credentials

    def _newer(self) -> Any:
        """The configuration of files that have changed, else None; called by threads of gRPC."""
        state = _state(self._cert, self._key)
        if state == self._state:
            return None
        try:
            self._pair = _read(self._cert, self._key)
        except ConfigError as error:
            # Two files are not replaced at once, nor are permissions: the next handshake reads again.
            if error.message != self._problem:
                _log.error("%s; the certificate from before is used", error.message)
            self._problem = error.message
            return None
        self._state = state
        self._problem = None
        _log.info("the certificate %s is another one now", self._cert)
        return grpc.ssl_server_certificate_configuration([self._pair])


def _read(cert: str, key: str) -> tuple[bytes, bytes]:
    contents = []
    for path, what in ((cert, "certificate"), (key, "key")):
        text = read_bounded(
            path,
            f"the {what} {path}",
            most_bytes=MAX_PEM_BYTES,
            hint="check the path and its permissions",
            errors="surrogateescape",  # comments of it may be in any encoding
        )
        contents.append(text.encode(errors="surrogateescape"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # An empty password in place of a question at the terminal.
        context.load_cert_chain(cert, key, password="")
    except (ssl.SSLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or str(error)
        raise ConfigError(
            f"the certificate {cert} and the key {key} cannot be used: {reason}",
            hint="both are PEM files, the key has no password, and they belong together",
        ) from None
    return contents[1], contents[0]


def _state(*paths: str) -> list[tuple[int, int, int] | None]:
    found: list[tuple[int, int, int] | None] = []
    for path in paths:
        try:
            status = os.stat(path)
        except OSError:
            found.append(None)
        else:
            found.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return found
