"""Seeded faults whose rate is exact: bad luck cannot hide them in a short run."""

from __future__ import annotations

import random
import threading


class Deck:
    """Draws like cards from a shuffled deck with one bad card in `size`.

    Each draw is random, yet every `size` draws hold exactly one bad one. A plain random number with
    the same rate would leave some short runs of the demo without any fault to show.
    """

    def __init__(self, size: int, seed: str) -> None:
        self._size = size
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._cards: list[bool] = []

    def is_bad(self) -> bool:
        """Draws the next card."""
        with self._lock:
            if not self._cards:
                self._cards = [True] + [False] * (self._size - 1)
                self._random.shuffle(self._cards)
            return self._cards.pop()

    def between(self, low: float, high: float) -> float:
        """A random number from low to high."""
        with self._lock:
            return self._random.uniform(low, high)
