"""What `scenarios/test_leftovers.py` has run: tests that end as a test should not."""

from __future__ import annotations

import time
from pathlib import Path

from fleet import Site

STORE = Path(__file__).parent.parent / "stores" / "schema-4.tar.xz"


def _start(site: Site) -> None:
    site.start_colony(data=site.volume(STORE, "colony"))
    site.start_person()


def test_that_fails(site: Site) -> None:
    _start(site)
    raise AssertionError("it fails, as it should")


def test_that_never_ends(site: Site) -> None:
    _start(site)
    print("it waits", flush=True)
    while True:
        time.sleep(60)
