"""The visitors of the shop: requests at a bounded rate, random but seeded."""

from __future__ import annotations

import http.client
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from coral.demo.shop.http import Connections, Json
from coral.demo.shop.services import PRODUCTS, USERS

WORKERS = 12
"""How many visitors wait for an answer at once, at most; a visitor more is turned away."""

CHECKOUT_SHARE = 0.5
"""The share of visits that place an order."""

BROWSE_SHARE = 0.3
"""The share of visits that look at a product; the others look at their cart."""


@dataclass(frozen=True)
class TrafficStatistics:
    """What the visitors did so far, as counts of requests."""

    answered: int
    failed: int
    turned_away: int


class Traffic:
    """Visits at random moments, on average `rate` a second, without waiting for the answers before.

    When the shop is too slow the visits beyond WORKERS are dropped and counted; nothing piles up.
    """

    def __init__(self, frontend: str, rate: float, seed: str) -> None:
        host, port = frontend.rsplit(":", 1)
        self._connections = Connections(host, int(port))
        self._rate = rate
        self._random = random.Random(f"{seed}/traffic")
        self._stopping = threading.Event()
        self._free = threading.Semaphore(WORKERS)
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="visitor")
        self._pacer = threading.Thread(target=self._pace, name="visitors", daemon=True)
        self._lock = threading.Lock()
        self._answered = self._failed = self._turned_away = self._visits = 0

    def start(self) -> None:
        """Sends the first visitor."""
        self._pacer.start()

    def stop(self) -> None:
        """Sends no more visitors and waits until those inside are served."""
        self._stopping.set()
        if self._pacer.is_alive():
            self._pacer.join()
        self._workers.shutdown(wait=True)
        self._connections.close()

    def statistics(self) -> TrafficStatistics:
        """The counts so far."""
        with self._lock:
            return TrafficStatistics(self._answered, self._failed, self._turned_away)

    def _pace(self) -> None:
        next_at = time.monotonic()
        while True:
            next_at += self._random.expovariate(self._rate)
            # After a stall (a laptop that slept) the visits missed are not made up for in one burst.
            next_at = max(next_at, time.monotonic() - 1.0)
            if self._stopping.wait(max(0.0, next_at - time.monotonic())):
                return
            if self._free.acquire(blocking=False):
                self._workers.submit(self._visit, *self._choose())
            else:
                with self._lock:
                    self._turned_away += 1

    def _choose(self) -> tuple[str, str, Json]:
        self._visits += 1
        user = f"user-{self._random.randrange(USERS)}"
        product = self._random.randrange(PRODUCTS)
        share = self._random.random()
        if share < CHECKOUT_SHARE:
            return "POST", f"/checkout/{user}", {"product": product, "order": f"order-{self._visits}"}
        if share < CHECKOUT_SHARE + BROWSE_SHARE:
            return "GET", f"/products/{product}", {}
        return "GET", f"/cart/{user}", {}

    def _visit(self, method: str, path: str, body: Json) -> None:
        try:
            answer = self._connections.exchange(method, path, body, {"User-Agent": "visitor/1.0.0"})
            failed = answer.status >= 500
        except (OSError, http.client.HTTPException):
            # A visitor who gets no answer is part of the picture: it is counted, not raised.
            failed = True
        finally:
            self._free.release()
        with self._lock:
            self._answered += 1
            self._failed += failed
