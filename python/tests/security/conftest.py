"""A colony with TLS and tokens, and a token of each role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from coral.config.access import Access
from coral.config.token_file import ROLES, Token, add_token
from coral.demo.launch import Colony
from coral.model.tokens import digest_of, new_token
from coral.testing.certificates import Authority
from coral.testing.processes import settled, start_colony
from tests.runner.fixtures import cache, coral

__all__ = ["cache", "coral"]


@dataclass(frozen=True)
class Secured:
    """A colony with TLS and tokens.

    Attributes:
        colony: Its process.
        authority: Who signed its certificate.
        tokens: Its file of tokens.
        folder: Where the tokens themselves are, in files named by their name.
    """

    colony: Colony
    authority: Authority
    tokens: Path
    folder: Path

    @property
    def port(self) -> str:
        """The port for queries."""
        return self.colony.grpc.rpartition(":")[2]

    def make(self, name: str, role: str, *, raw_attributes: bool = False) -> str:
        """Makes a token, and a file with it."""
        token = new_token()
        add_token(str(self.tokens), Token(name, role, digest_of(token), raw_attributes))
        self.file(name).write_text(token + "\n")
        return token

    def file(self, name: str) -> Path:
        """The file of a token."""
        return self.folder / f"{name}.token"

    def access(self, name: str | None) -> Access:
        """With what a client reaches the colony."""
        return Access(
            self.authority.file.read_text(), None if name is None else self.file(name).read_text().strip()
        )

    def flags(self, name: str | None = "viewer", *, address: str | None = None) -> list[str]:
        """Options of commands that ask the colony."""
        found = ["--colony", address or self.colony.grpc, "--tls-ca", str(self.authority.file)]
        return found if name is None else [*found, "--token-file", str(self.file(name))]


def holds(question: Callable[[], object], expected: object) -> None:
    """Asks until the answer is as expected; fails if it never is."""
    assert settled(question, expected) == expected


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A colony on 127.0.0.1, whose certificate is for that and for localhost; a token of each role."""
    folder = tmp_path_factory.mktemp("secured")
    authority = Authority(folder)
    tokens = folder / "tokens.yaml"
    tokens.write_text("tokens: []\n")
    certificate = authority.certificate("127.0.0.1", "localhost")
    options = (*certificate.options, "--token-file", str(tokens))
    made = {}
    for role in ROLES:
        token = made[role] = new_token()
        add_token(str(tokens), Token(role, role, digest_of(token)))
        (folder / f"{role}.token").write_text(token + "\n")
    with start_colony(folder, options=options) as colony:
        yield Secured(colony, authority, tokens, folder)
