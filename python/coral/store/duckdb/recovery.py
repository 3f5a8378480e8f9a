"""Opening a store's database whatever state its files are in.

A damaged database is put aside, never deleted, and the service goes on with what can be had:

- A damaged log (`active.duckdb.wal`) is cut before its first damaged entry; what was committed before
  it is there, what came later is lost (at most what was not checkpointed yet, about a minute).
- Of a damaged database file each table that can still be read is copied into a new one.
- The list of segments is made again from their own files (`rebuild`), whatever the database says.

A marker file makes a crash during the recovery harmless: it is done again at the next start. What
happened is written beside the file that was put aside, and stays known as a problem until that note
is deleted.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Final

import duckdb

from coral.errors import StorageError
from coral.store.duckdb.direct import discard_uncommitted
from coral.store.duckdb.faults import Fault, fault_of
from coral.store.duckdb.footer import is_direct, sequence_of
from coral.store.duckdb.migrate import schema_version
from coral.store.duckdb.opening import DatabaseSettings, attached, close_quietly, open_database
from coral.store.duckdb.rebuild import find_segments
from coral.store.duckdb.rows import one_row
from coral.store.duckdb.segments import DAMAGED_FOLDER, SegmentFolder
from coral.store.duckdb.tables import SegmentedTable
from coral.store.duckdb.wal import check_wal, damage_position

_log = logging.getLogger(__name__)
DATABASE_NAME: Final = "active.duckdb"
_MARKER: Final = "recovering"
_LARGE: Final = ("outbox",)
_NOT_SALVAGED: Final = ("schema_migrations", "segments")
_REFUSED_WORDS: Final = ("version number", "Could not set lock", "Permission denied", "Is a directory")


@dataclass
class Recovery:
    """Opens the database of one data directory.

    Attributes:
        directory: The data directory.
        settings: How to open it.
        folder: Its segments.
        tables: Its segmented tables.
    """

    directory: Path
    settings: DatabaseSettings
    folder: SegmentFolder
    tables: Sequence[SegmentedTable]
    _loss: list[str] = field(default_factory=list)

    @property
    def path(self) -> Path:
        """The database file."""
        return self.directory / DATABASE_NAME

    def open(self, now: datetime) -> duckdb.DuckDBPyConnection:
        """Opens the database; recovers it where it is damaged.

        Args:
            now: For the names of what is put aside, UTC.

        Raises:
            StorageError: It cannot be opened for a reason that is no damage (in use, not permitted,
                newer than this program, out of memory, disk full); nothing was changed.
        """
        marker = self.directory / _MARKER
        self._loss = [marker.read_text(encoding="utf-8").strip()] if marker.exists() else []
        shutil.rmtree(self.directory / "tmp", ignore_errors=True)
        self._finish_replacing()
        self._check_wal(now)
        try:
            try:
                return self._open_and_reconcile(now)
            except duckdb.Error as error:
                if fault_of(error) is not Fault.DAMAGED:
                    raise
                # It opened, but what a store reads first cannot be read.
                self._replace(_first_line(error), now)
                return self._open_and_reconcile(now)
        except duckdb.Error as error:
            raise StorageError(
                f"the database {self.path} cannot be opened: {error}",
                hint="move the data directory away to start afresh, or restore it from a copy",
            ) from error

    def replace(self, reason: str, now: datetime) -> duckdb.DuckDBPyConnection:
        """Puts the database aside, which turned out to be damaged while it was open, and opens a new one.

        Raises:
            StorageError: That failed.
        """
        try:
            self._replace(reason, now)
        except duckdb.Error as error:
            raise StorageError(f"the damaged database {self.path} cannot be replaced: {error}") from error
        return self.open(now)

    def problems(self) -> list[str]:
        """What was found damaged here, and is not dismissed yet (by deleting the note)."""
        notes = sorted(self.directory.glob(f"{DATABASE_NAME}*.damaged-*.txt"))
        damaged = sorted((self.folder.root / DAMAGED_FOLDER).glob("*.txt"))
        return [note.read_text(encoding="utf-8").strip() for note in [*notes, *damaged]]

    def _check_wal(self, now: datetime) -> None:
        check = check_wal(self._wal)
        if check.damaged and self.path.exists():
            self._cut_wal(check.good_bytes, check.damaged, now)

    def _open_and_reconcile(self, now: datetime) -> duckdb.DuckDBPyConnection:
        connection = self._open_or_replace(now)
        try:
            self._compare_with_segments(connection, now)
            if self._loss:
                self._reconcile(connection, now)
                connection.execute("CHECKPOINT")
                self._tell_what_is_untold(now)
                (self.directory / _MARKER).unlink(missing_ok=True)
            self._read_small_tables(connection)
        except BaseException:
            close_quietly(connection)
            raise
        return connection

    def _compare_with_segments(self, connection: duckdb.DuckDBPyConnection, now: datetime) -> None:
        """Finds a loss that DuckDB does not: a log cut short looks as after a crash, an old copy is whole."""
        last = last_seq_of(connection, self.tables)
        if discard_uncommitted(self.folder, self.folder.listed(connection), last_seq=last):
            _log.info("deleted segment files of a transaction that was not committed")
        files = {path.name for path in self.folder.root.glob("*.parquet") if sequence_of(path) is not None}
        newest = max((sequence_of(self.folder.root / name) or 0 for name in files), default=0)
        missing = [s.path.name for s in self.folder.listed(connection) if s.path.name not in files]
        if newest > last:
            reason = f"it ends at transaction {last}, and its segments reach {newest}"
        elif missing:
            reason = f"it lists {len(missing)} segments that are not there, the first is {missing[0]}"
        else:
            return
        if not self._loss:
            self._note(
                self._free_name(self.path, now),
                f"{self.path.name} lost transactions ({reason}). Sealed segments that are there are complete;"
                f" what was acknowledged later, and is not sealed, is missing",
            )
        self._begin_loss(reason)

    def _read_small_tables(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Reads what is small and needed always, so that a damage there is found now."""
        large = {*(table.name for table in self.tables), *_LARGE}
        for name in _table_names(connection):
            if name not in large:
                connection.execute(f"SELECT count(*), bit_xor(hash(t)) FROM main.{name} t").fetchall()
        last_seq_of(connection, self.tables)

    def _open_or_replace(self, now: datetime) -> duckdb.DuckDBPyConnection:
        if not self.path.exists() and (self._wal.exists() or any(self.folder.root.glob("*.parquet"))):
            self._replace("it is missing, while its segments are there", now)
        while True:
            try:
                return open_database(self.path, self.settings)
            except duckdb.Error as error:
                fault = fault_of(error)
                if any(words in str(error) for words in _REFUSED_WORDS):
                    raise
                reason = _first_line(error)
                if fault is Fault.WAL_DAMAGED:
                    # Each round leaves a shorter log, or none.
                    size = self._wal.stat().st_size if self._wal.exists() else 0
                    position = damage_position(str(error))
                    good = position if position is not None and position < size else 0
                    if size == 0:
                        raise
                    self._cut_wal(good, reason, now)
                elif fault in (Fault.DAMAGED, Fault.INVALIDATED) or isinstance(
                    error, duckdb.SerializationException
                ):
                    self._replace(reason, now)
                else:
                    raise

    def _cut_wal(self, good_bytes: int, reason: str, now: datetime) -> None:
        aside = self._free_name(self._wal, now)
        self._begin_loss(reason)
        shutil.copyfile(self._wal, aside)
        if good_bytes:
            with self._wal.open("r+b") as file:
                file.truncate(good_bytes)
        else:
            self._wal.unlink()
        lost = aside.stat().st_size - good_bytes
        self._note(
            aside,
            f"{self.path.name} lost the end of its log, {lost} bytes, which was damaged ({reason}); the whole"
            f" log is kept as {aside.name}. What was acknowledged since the last checkpoint, about a minute,"
            f" may be missing; sealed segments are complete",
        )

    def _replace(self, reason: str, now: datetime) -> None:
        """Makes a new database of what can be read of the old one, then swaps them."""
        self._begin_loss(reason)
        for leftover in self.directory.glob(f"{self._new.name}*"):
            leftover.unlink()
        connection = open_database(self._new, self.settings)
        try:
            saved, lost = self._salvage(connection)
        finally:
            connection.close()
        aside = self._free_name(self.path, now)
        text = (
            f"{self.path.name} was damaged ({reason}) and is kept as {aside.name}; a new database is in use."
            f" Sealed segments are complete. Of the rest, tables saved: {', '.join(saved) or 'none'};"
            f" lost (rows not sealed yet, counters, what waited for the colony): {', '.join(lost) or 'none'}"
        )
        self._note(aside, text)
        if self.path.exists():
            self.path.replace(aside)
        self._swap(aside.name)

    def _finish_replacing(self) -> None:
        """Does the last steps of `_replace`, when a crash came before them."""
        new = self._new
        if (
            self._loss
            and not self.path.exists()
            and new.exists()
            and not new.with_name(f"{new.name}.wal").exists()
        ):
            self._swap(f"{self.path.name}.damaged-interrupted")

    def _swap(self, aside_name: str) -> None:
        for log in sorted(self.directory.glob(f"{self.path.name}.*wal*")):
            if ".damaged-" not in log.name:
                log.replace(log.with_name(aside_name + log.name.removeprefix(self.path.name)))
        self._new.replace(self.path)

    def _salvage(self, connection: duckdb.DuckDBPyConnection) -> tuple[list[str], list[str]]:
        """Copies each table that can be read. Returns the names of those that were and were not."""
        saved: list[str] = []
        names = [name for name in _table_names(connection) if name not in _NOT_SALVAGED]
        with contextlib.suppress(duckdb.Error), attached(connection, self.path, "damaged"):
            if schema_version(connection, "damaged") == schema_version(connection):
                saved = [name for name in names if _copied(connection, name)]
        return saved, [name for name in names if name not in saved]

    def _reconcile(self, connection: duckdb.DuckDBPyConnection, now: datetime) -> None:
        """Brings list, rows and progress in line with the segment files: each row once."""
        found = find_segments(self.folder.root, self.tables)
        for path, why in found.damaged.items():
            self.folder.put_aside(path, f"segment {path.name} was damaged ({why}); its rows are lost")
        connection.execute("BEGIN TRANSACTION")
        connection.execute("DELETE FROM segments")
        self.folder.list_in(connection, found.segments)
        connection.execute("UPDATE segments SET created_at = ? WHERE created_at > ?", [now, now])
        sealed: dict[str, int] = {}
        for segment in found.segments:
            if not is_direct(segment.path):
                sealed[segment.table] = max(sealed.get(segment.table, 0), segment.last_seq)
        for table, last_seq in sealed.items():
            # A seal takes all rows up to its last sequence: these were in a transaction that is lost.
            connection.execute(f"DELETE FROM main.{table} WHERE ingest_seq <= ?", [last_seq])
        highest = max((segment.last_seq for segment in found.segments), default=0)
        connection.execute("UPDATE last_transaction SET seq = greatest(seq, ?)", [highest])
        if self.settings.kind == "agent":
            script = resources.files("coral.store.duckdb") / "repair" / "agent.sql"
            connection.execute(script.read_text(encoding="utf-8"), [highest])
        connection.execute("COMMIT")
        _log.warning("rebuilt the list of %d segments in %s", len(found.segments), self.folder.root)

    @property
    def _wal(self) -> Path:
        return self.path.with_name(f"{self.path.name}.wal")

    @property
    def _new(self) -> Path:
        return self.path.with_suffix(".new")

    def _begin_loss(self, reason: str) -> None:
        marker = self.directory / _MARKER
        marker.write_text(reason, encoding="utf-8")
        self._loss.append(reason)

    def _tell_what_is_untold(self, now: datetime) -> None:
        """Writes the note that a recovery did not come to, because a crash cut it short."""
        untold = [reason for reason in self._loss if not any(reason in told for told in self.problems())]
        if untold:
            self._note(
                self._free_name(self.path, now),
                f"{self.path.name} was recovered after damage ({'; '.join(untold)}), with a crash in between."
                " Sealed segments that are there are complete; what was acknowledged and not sealed may be"
                " missing",
            )

    def _free_name(self, path: Path, now: datetime) -> Path:
        stem = f"{path.name}.damaged-{now:%Y%m%dT%H%M%SZ}"
        names = [stem, *(f"{stem}-{i}" for i in range(2, 1000))]
        return next(path.with_name(name) for name in names if not path.with_name(name).exists())

    def _note(self, aside: Path, text: str) -> None:
        aside.with_name(f"{aside.name}.txt").write_text(f"{text}\n", encoding="utf-8")
        _log.error("%s", text)


def _table_names(connection: duckdb.DuckDBPyConnection) -> list[str]:
    rows = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND NOT internal"
        " ORDER BY table_name"
    ).fetchall()
    return [name for (name,) in rows]


def _copied(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    connection.execute("BEGIN TRANSACTION")
    try:
        connection.execute(f"DELETE FROM main.{table}")
        connection.execute(f"INSERT INTO main.{table} BY NAME SELECT * FROM damaged.{table}")
    except duckdb.Error as error:
        connection.execute("ROLLBACK")
        _log.error("table %s of the damaged database cannot be read: %s", table, _first_line(error))
        return False
    connection.execute("COMMIT")
    return True


def last_seq_of(connection: duckdb.DuckDBPyConnection, tables: Sequence[SegmentedTable]) -> int:
    """The highest ingest sequence that the database knows."""
    union = " UNION ALL ".join(f"SELECT max(ingest_seq) AS s FROM main.{table.name}" for table in tables)
    (last,) = one_row(
        connection,
        f"SELECT coalesce(max(s), 0) FROM ({union} UNION ALL SELECT max(last_seq) FROM segments"
        " UNION ALL SELECT max(seq) FROM last_transaction)",
    )
    return int(last)


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
