from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.framed.servers import OPEN
from tests.runner.fixtures import cache, coral

__all__ = ["cache", "coral"]


@pytest.fixture(autouse=True)
def _close_sockets() -> Iterator[None]:
    yield
    while OPEN:
        OPEN.pop().close()
