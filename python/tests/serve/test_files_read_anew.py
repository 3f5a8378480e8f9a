"""Files that a server reads anew: one that could not be used is read again, whatever `stat` says of it."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import pytest

from coral.clock import FixedClock
from coral.config.token_file import Token, add_token
from coral.errors import UnauthenticatedError
from coral.model.tokens import digest_of, new_token
from coral.serve.certificate import ServerCertificate
from coral.serve.tokens import Tokens
from coral.testing.certificates import Authority


def _write(path: Path, content: bytes, at: int) -> None:
    """Writes into the same file; at the same time and with the same length it looks as it did before."""
    with open(path, "r+b") as file:
        file.truncate(0)
        file.write(content)
    os.utime(path, ns=(at, at))


def test_a_token_is_revoked_though_the_file_could_not_be_read_at_first(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "tokens.yaml"
    text = new_token()
    add_token(str(path), Token("ci", "viewer", digest_of(text)))
    tokens = Tokens(str(path), clock=FixedClock(datetime(2026, 11, 27)))
    assert tokens.caller(f"Bearer {text}").name == "ci"
    without = path.read_bytes().replace(digest_of(text).hex().encode(), b"a" * 64)
    _write(path, without.replace(b"viewer", b"vieweR"), at=1)
    for _ in range(3):
        assert not tokens.refresh()
    assert "the tokens from before are in force" in tokens.problems()[0]
    assert len(caplog.records) == 1
    _write(path, without, at=1)
    assert tokens.refresh()
    assert tokens.problems() == []
    with pytest.raises(UnauthenticatedError, match="does not know this token"):
        tokens.caller(f"Bearer {text}")
    assert not tokens.refresh()


def test_a_certificate_is_taken_though_it_could_not_be_read_at_first(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    authority = Authority(tmp_path)
    files = authority.certificate("localhost")
    certificate = ServerCertificate(str(files.cert), str(files.key))
    assert certificate._newer() is None
    authority.certificate("localhost")  # the same files
    good = files.cert.read_bytes()
    _write(files.cert, good.replace(b"BEGIN", b"BEGUN"), at=1)
    for _ in range(3):
        assert certificate._newer() is None
    assert len(caplog.records) == 1
    _write(files.cert, good, at=1)
    assert certificate._newer() is not None
    assert certificate._newer() is None
