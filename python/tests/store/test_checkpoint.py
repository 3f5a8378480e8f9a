"""A checkpoint that finds another transaction in its way is put off, and is no error."""

from __future__ import annotations

import logging

import pytest

from coral.store.duckdb.store import DuckDBStore


def test_a_checkpoint_is_put_off_while_another_transaction_writes(
    store: DuckDBStore, caplog: pytest.LogCaptureFixture
) -> None:
    maintenance = store._maintenance
    with caplog.at_level(logging.WARNING), store._database.cursor() as other:
        other.execute("BEGIN")
        other.execute("CREATE TABLE in_the_way (a INTEGER)")
        assert not maintenance.checkpoint()
        other.execute("ROLLBACK")
        assert maintenance.checkpoint()
    assert caplog.records == []
