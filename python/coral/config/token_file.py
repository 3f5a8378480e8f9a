"""A colony's file of tokens: names, roles and hashes. The tokens themselves are nowhere."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import yaml

from coral.config.bounded_file import MAX_TOKENS_BYTES, read_bounded
from coral.config.bounded_yaml import YamlProblem, load_yaml
from coral.errors import ConfigError, NotFoundError, StorageError, UsageError
from coral.printing import shell_word

ROLES: Final = {
    "viewer": "asks",
    "deployer": "asks, and deploys scripts to agents",
    "operator": "asks, sees and ends queries of others, and approves what deployers want",
    "admin": "may do everything that people do",
    "agent": "an agent: sends telemetry and answers the colony's questions, and asks nothing",
}
"""The roles that a token may have, with what their holders do."""

_HEAD: Final = (
    "# Tokens of a Coral colony, written by `coral token`; the colony takes changes as they come.\n"
    "# Of each token only its SHA-256 is here. Who can read it can make tokens of scripts, which only ask.\n"
)
_HEX: Final = frozenset("0123456789abcdef")
_MOST: Final = 10_000


@dataclass(frozen=True)
class Token:
    """What is known of a token.

    Attributes:
        name: For people; unique in the file.
        role: One of `ROLES`.
        sha256: The hash, 32 bytes.
        raw_attributes: Whether its holder sees attributes that are redacted for others.
        created_at: When it was made, ISO 8601; empty where nobody noted it.
    """

    name: str
    role: str
    sha256: bytes
    raw_attributes: bool = False
    created_at: str = ""


def read_tokens(path: str, *, pipes: bool = True) -> list[Token]:
    """Reads a file of tokens.

    Args:
        path: The file.
        pipes: Whether it may be a pipe, which is waited for.

    Raises:
        ConfigError: It cannot be read, or an entry cannot be used. All of it is refused then: half of
            the tokens would be a surprise.
    """
    text = read_bounded(
        path,
        f"the file of tokens {path}",
        most_bytes=MAX_TOKENS_BYTES,
        hint=f"coral token create NAME --role viewer --token-file {shell_word(path)} makes it",
        pipes=pipes,
    )
    try:
        document = load_yaml(text)
    except YamlProblem as problem:
        raise _bad(path, f"{'is no YAML' if problem.is_syntax else 'cannot be used'}: {problem}") from None
    if not isinstance(document, dict) or set(document) != {"tokens"}:
        raise _bad(path, "has not just the key tokens")
    entries = document["tokens"] or []
    if not isinstance(entries, list) or len(entries) > _MOST:
        raise _bad(path, f"has tokens that are no list of at most {_MOST}")
    tokens = [_token(path, number, entry) for number, entry in enumerate(entries, 1)]
    for what in ("name", "sha256"):
        values = [getattr(token, what) for token in tokens]
        if len(set(values)) < len(values):
            twice = next(token.name for token in tokens if values.count(getattr(token, what)) > 1)
            raise _bad(path, f"has the {what} of {twice} twice")
    return tokens


def write_tokens(path: str, tokens: Sequence[Token]) -> None:
    """Replaces a file of tokens as a whole.

    Owner and permissions stay; of a new one only the owner may read it.

    Raises:
        StorageError: It cannot be written.
    """
    entries: list[dict[str, Any]] = []
    for token in tokens:
        entry: dict[str, Any] = {"name": token.name, "role": token.role, "sha256": token.sha256.hex()}
        if token.raw_attributes:
            entry["raw_attributes"] = True
        if token.created_at:
            entry["created_at"] = token.created_at
        entries.append(entry)
    text = _HEAD + yaml.safe_dump({"tokens": entries}, sort_keys=False, allow_unicode=True)
    path = os.path.realpath(path)
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        owner = os.stat(path) if os.path.exists(path) else None
        descriptor, temporary = tempfile.mkstemp(prefix=".tokens.", dir=os.path.dirname(path))
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            ours = os.stat(temporary)
            if owner is not None and (owner.st_uid, owner.st_gid) != (ours.st_uid, ours.st_gid):
                os.chown(temporary, owner.st_uid, owner.st_gid)  # root makes a token for the colony's user
            if owner is not None:
                os.chmod(temporary, stat.S_IMODE(owner.st_mode))  # which may read it by its group only
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise StorageError(
            f"the file of tokens {path} cannot be written: {error.strerror}",
            hint="run this as the colony's user, on the colony's machine",
        ) from None


def add_token(path: str, token: Token) -> None:
    """Adds a token to a file, which is made when missing.

    Raises:
        UsageError: There is one of this name, or the name cannot be one.
        ConfigError: The file cannot be used.
        StorageError: It cannot be written.
    """
    problem = _name_problem(token.name)
    if problem is not None:
        raise UsageError(f"the name {token.name!r} {problem}", hint="for example: coral token create ci")
    tokens = read_tokens(path) if os.path.exists(path) else []
    if any(other.name == token.name for other in tokens):
        raise UsageError(
            f"there is a token {token.name!r} already",
            hint=f"choose another name, or coral token revoke {token.name} first",
        )
    write_tokens(path, [*tokens, token])


def remove_token(path: str, name: str) -> None:
    """Removes a token from a file.

    Raises:
        NotFoundError: There is none of this name.
        ConfigError: The file cannot be used.
        StorageError: It cannot be written.
    """
    tokens = read_tokens(path)
    rest = [token for token in tokens if token.name != name]
    if len(rest) == len(tokens):
        known = ", ".join(token.name for token in tokens) or "none"
        raise NotFoundError(f"there is no token {name!r} in {path}", hint=f"the tokens are: {known}")
    write_tokens(path, rest)


def now_text() -> str:
    """The time for `Token.created_at`."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _token(path: str, number: int, entry: Any) -> Token:
    where = f"has an entry {number} that"
    if not isinstance(entry, dict):
        raise _bad(path, f"{where} is {entry!r}, expected name, role and sha256")
    unknown = set(entry) - {"name", "role", "sha256", "raw_attributes", "created_at"}
    if unknown:
        raise _bad(path, f"{where} has the unknown key {sorted(map(str, unknown))[0]!r}")
    name, role, sha256 = entry.get("name"), entry.get("role"), entry.get("sha256")
    raw, created = entry.get("raw_attributes", False), entry.get("created_at", "")
    problem = _name_problem(name)
    if problem is not None or not isinstance(name, str):
        raise _bad(path, f"{where} has the name {name!r}, which {problem}")
    if role not in ROLES:
        raise _bad(path, f"{where} ({name}) has the role {role!r}, expected one of {', '.join(ROLES)}")
    if not isinstance(sha256, str) or len(sha256) != 64 or not set(sha256) <= _HEX:
        raise _bad(path, f"{where} ({name}) has no sha256 of 64 hexadecimal digits")
    if not isinstance(raw, bool):
        raise _bad(path, f"{where} ({name}) has raw_attributes {raw!r}, expected true or false")
    return Token(name, role, bytes.fromhex(sha256), raw, str(created))


def _name_problem(name: object) -> str | None:
    if not isinstance(name, str) or not 1 <= len(name) <= 64:
        return "is not 1 to 64 characters"
    if name.startswith("-") or not all(letter.isalnum() or letter in "-_.@" for letter in name):
        return "has other characters than letters, digits and -_.@"
    return None


def _bad(path: str, what: str) -> ConfigError:
    return ConfigError(f"the file of tokens {path} {what}", hint="coral token create and revoke write it")
