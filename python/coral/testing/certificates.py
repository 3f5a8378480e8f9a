"""Certificates for tests, by trustme: an authority, and what a colony has of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Certificate:
    """A certificate with its key, as files."""

    cert: Path
    key: Path

    @property
    def options(self) -> tuple[str, ...]:
        """Those of `coral colony start`."""
        return ("--tls-cert", str(self.cert), "--tls-key", str(self.key))


class Authority:
    """A certificate authority of a test's own."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._ca = trustme.CA()
        self.file = folder / f"{name}.pem"
        self._ca.cert_pem.write_to_path(self.file)

    def certificate(
        self, *names: str, file: str = "server", not_after: datetime | None = None
    ) -> Certificate:
        """Issues one.

        Args:
            names: Host names and IP addresses.
            file: What its files are called.
            not_after: When it expires, if not some day.
        """
        leaf = self._ca.issue_cert(*names, not_after=not_after)
        made = Certificate(self._folder / f"{file}.pem", self._folder / f"{file}.key")
        made.cert.write_bytes(b"".join(part.bytes() for part in leaf.cert_chain_pems))
        leaf.private_key_pem.write_to_path(made.key)
        return made
