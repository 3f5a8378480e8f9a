"""Numbered, additive schema migrations.

A chain is the files of `schema/common` and of `schema/<kind>` together, ordered by the number that
their names begin with. Each runs once, in a transaction of its own. A file that is newer than this
program is refused, an older one is upgraded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources

import duckdb

from coral.errors import StorageError
from coral.store.duckdb.rows import one_row

_NAME = re.compile(r"^(\d{4})_(\w+)\.sql$")


@dataclass(frozen=True)
class Migration:
    """One step of the schema."""

    version: int
    name: str
    sql: str


def load_migrations(kind: str) -> list[Migration]:
    """The chain for one kind of store (`"agent"` or `"colony"`), in order.

    Raises:
        StorageError: Two files have the same number, or a number is missing.
    """
    root = resources.files("coral.store.duckdb") / "schema"
    found = [
        Migration(int(match[1]), match[2], entry.read_text(encoding="utf-8"))
        for folder in ("common", kind)
        for entry in (root / folder).iterdir()
        if (match := _NAME.match(entry.name))
    ]
    found.sort(key=lambda step: step.version)
    if [step.version for step in found] != list(range(1, len(found) + 1)):
        raise StorageError(f"the migrations of {kind} are not numbered 1 to {len(found)} without gaps")
    return found


def migrate(connection: duckdb.DuckDBPyConnection, migrations: list[Migration], *, path: str) -> int:
    """Brings a database to the newest schema.

    Args:
        connection: An open connection that may write.
        migrations: The chain, in order.
        path: Where the database is; only named in errors.

    Returns:
        The schema's version now.

    Raises:
        StorageError: The database is newer than this program.
    """
    (known,) = one_row(
        connection,
        "SELECT count(*) FROM duckdb_tables()"
        " WHERE table_name = 'schema_migrations' AND database_name = current_database()",
    )
    if not known:  # nothing is written to a database that is up to date: its disk may be full
        connection.execute(
            "CREATE TABLE schema_migrations"
            " (version INTEGER PRIMARY KEY, name VARCHAR NOT NULL, applied_at TIMESTAMP NOT NULL)"
        )
    current = schema_version(connection)
    newest = migrations[-1].version
    if current > newest:
        raise StorageError(
            f"{path} has schema version {current}, this Coral knows versions up to {newest}",
            hint="upgrade Coral, or point --data at another directory",
        )
    for step in migrations:
        if step.version <= current:
            continue
        connection.execute("BEGIN TRANSACTION")
        try:
            connection.execute(step.sql)
            connection.execute(
                "INSERT INTO schema_migrations VALUES (?, ?, now()::TIMESTAMP)", [step.version, step.name]
            )
        except duckdb.Error:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    return newest


def schema_version(connection: duckdb.DuckDBPyConnection, catalog: str | None = None) -> int:
    """The version of a migrated database: the one in use, or one that is attached under this name."""
    table = f"{catalog}.main.schema_migrations" if catalog else "schema_migrations"
    (version,) = one_row(connection, f"SELECT coalesce(max(version), 0) FROM {table}")
    return int(version)
