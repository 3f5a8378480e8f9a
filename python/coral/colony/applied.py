"""How far each agent's batches are applied: read once, kept in memory, written with each commit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pyarrow as pa

from coral.store.api import Store, Transaction

_UPDATE: Final = (
    "UPDATE applied_sequences SET last_sequence = r.last_sequence FROM reached r"
    " WHERE applied_sequences.agent_id = r.agent_id AND applied_sequences.epoch = r.epoch"
)
_INSERT: Final = (
    "INSERT INTO applied_sequences BY NAME SELECT * FROM reached r WHERE NOT EXISTS ("
    "FROM applied_sequences a WHERE a.agent_id = r.agent_id AND a.epoch = r.epoch)"
)

Source = tuple[str, str]
"""An agent's id and the epoch of its database: sequences are counted within it."""


class AppliedSequences:
    """The highest applied sequence of each source.

    The colony's process is the only writer of its store, so what is in memory is what is committed:
    `write` goes into the transaction with the rows, `committed` is called after it.
    """

    def __init__(self, store: Store) -> None:
        """Reads what is applied; blocking."""
        rows = store.query("SELECT agent_id, epoch, last_sequence FROM main.applied_sequences", since={})
        self._last: dict[Source, int] = {(agent_id, epoch): last for agent_id, epoch, last in rows}

    def last(self, source: Source) -> int:
        """The highest sequence applied; 0 when none is."""
        return self._last.get(source, 0)

    def write(self, transaction: Transaction, reached: Mapping[Source, int]) -> None:
        """Writes how far sources have come, within the transaction of their rows."""
        columns = {
            "agent_id": pa.array([source[0] for source in reached], pa.string()),
            "epoch": pa.array([source[1] for source in reached], pa.string()),
            "last_sequence": pa.array(reached.values(), pa.int64()),
        }
        transaction.connection.register("reached", pa.table(columns))
        try:
            transaction.connection.execute(_UPDATE)
            transaction.connection.execute(_INSERT)
        finally:
            transaction.connection.unregister("reached")

    def committed(self, reached: Mapping[Source, int]) -> None:
        """Takes over what a committed transaction wrote."""
        self._last.update(reached)
