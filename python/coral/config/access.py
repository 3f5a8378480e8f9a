"""How a colony is reached: in clear or by TLS, and with which token.

On the way to `coral run`: what is expensive is imported only where it is needed.
"""

from __future__ import annotations

import os

from coral.config.address import parse_address
from coral.errors import ConfigError

SYSTEM = "system"
"""In place of a file: the certificate authorities that this machine trusts."""

_BEGIN = "-----BEGIN CERTIFICATE-----"


class Access:
    """How a colony is reached.

    Attributes:
        ca: The certificate authorities to trust, PEM; None for no TLS.
        token: The bearer token, or None.
    """

    __slots__ = ("ca", "token")

    def __init__(self, ca: str | None = None, token: str | None = None) -> None:
        self.ca = ca
        self.token = token

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Returns what goes with each call of gRPC."""
        return () if self.token is None else (("authorization", f"Bearer {self.token}"),)


CLEAR = Access()
"""Without TLS and without a token: a colony on loopback that has none."""


class Colony:
    """A colony, and how it is reached.

    Attributes:
        address: `HOST:PORT`.
        access: With what.
    """

    __slots__ = ("access", "address")

    def __init__(self, address: str, access: Access = CLEAR) -> None:
        self.address = address
        self.access = access


def is_loopback(host: str) -> bool:
    """Says whether a host, as `parse_address` gives it, is this machine, so that nobody listens between.

    >>> is_loopback("127.0.0.53"), is_loopback("0.0.0.0"), is_loopback("127.evil.example")
    (True, False, False)
    """
    if host in ("localhost", "::1"):
        return True
    parts = host.split(".")
    return len(parts) == 4 and parts[0] == "127" and all(part.isdecimal() for part in parts)


def read_access(address: str, *, tls_ca: str | None, token_file: str | None, token: str | None) -> Access:
    """Reads the files, and refuses what would give a token away.

    Args:
        address: The colony, `HOST:PORT`.
        tls_ca: Path of a PEM file, or `SYSTEM`; None for no TLS.
        token_file: Path of a file that holds the token; None for none.
        token: The token itself, where there is no file.

    Raises:
        ConfigError: A file cannot be used, or the token would travel in clear.
    """
    access = Access(
        None if tls_ca is None else read_authorities(tls_ca),
        _checked(token, "the environment variable CORAL_TOKEN") if token else None,
    )
    if token_file is not None:
        access.token = read_token(token_file)
    if access.token is not None and access.ca is None and not is_loopback(parse_address(address)[0]):
        raise ConfigError(
            f"the token would be sent to {address} in clear: whoever is between could read it",
            hint="name the colony's certificate authority: --tls-ca FILE, or --tls-ca system",
        )
    return access


def read_authorities(path: str) -> str:
    """Reads certificate authorities.

    Args:
        path: A PEM file, or `SYSTEM`.

    Raises:
        ConfigError: There are none.
    """
    if path == SYSTEM:
        import ssl

        paths = ssl.get_default_verify_paths()
        found = next(
            (file for file in (paths.cafile, paths.openssl_cafile) if file and os.path.isfile(file)), None
        )
        if found is None:
            raise ConfigError(
                "this machine has no file of certificate authorities that --tls-ca system could mean",
                hint="install the package ca-certificates, or name a file: --tls-ca FILE, or SSL_CERT_FILE",
            )
        path = found
    from coral.config.bounded_file import MAX_PEM_BYTES

    text = _read(path, "the file of certificate authorities", MAX_PEM_BYTES)
    if _BEGIN not in text:
        raise ConfigError(
            f"{path} holds no certificate", hint=f"it is a PEM file: its certificates begin with {_BEGIN}"
        )
    return text


def read_token(path: str) -> str:
    """Reads a token from the one line of a file.

    Raises:
        ConfigError: There is none.
    """
    from coral.config.bounded_file import MAX_SECRET_BYTES

    return _checked(_read(path, "the file of the token", MAX_SECRET_BYTES).strip(), path)


def _checked(token: str, where: str) -> str:
    # A header of HTTP takes nothing else. The token itself is in no message.
    if not token or not token.isascii() or not token.isprintable() or " " in token or len(token) > 4096:
        raise ConfigError(
            f"{where} holds no token", hint="it is one word on one line, as `coral token create` prints it"
        )
    return token


def _read(path: str, what: str, most_bytes: int) -> str:
    from coral.config.bounded_file import read_bounded

    hint = "check the path and its permissions"
    return read_bounded(path, f"{what} {path}", most_bytes=most_bytes, hint=hint, pipes=True)
