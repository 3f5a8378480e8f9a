"""Rows for store tests."""

from __future__ import annotations

from datetime import datetime

from coral.store.api import Transaction


def insert_spans(transaction: Transaction, count: int, *, start: datetime, service: str = "payments") -> None:
    """Adds spans of 1 ms, 2 ms, ... with distinct trace ids."""
    transaction.connection.execute(
        "INSERT INTO spans SELECT $seq, 'a1', printf('%016x%016x', $seq, i), printf('%016x', i), '', $service, '',"
        " 'GET /', 'SERVER', $start::TIMESTAMP, (i + 1) * 1000000, 'UNSET', '{}', 1, NULL, NULL, NULL, NULL FROM range($count) t(i)",
        {"seq": transaction.seq, "service": service, "start": start, "count": count},
    )
