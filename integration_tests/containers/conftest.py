"""One engine for the run, one fleet for those scenarios that leave it as they found it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# testcontainers reads them when it is imported: no container of its own that cleans up (it would have to be
# downloaded; labels do it), and ports of this machine even where this machine is a container itself.
os.environ["TESTCONTAINERS_RYUK_DISABLED"] = "true"
os.environ["TESTCONTAINERS_CONNECTION_MODE"] = "docker_host"
sys.path.insert(0, str(Path(__file__).parent))

pytest.importorskip(
    "testcontainers", reason="./bazelw test //integration_tests/containers/... has what these need"
)

from engine import DEADLINE_SECONDS, Engine, NoEngineError, open_engine
from fleet import Fleet, Site


def pytest_configure() -> None:
    """SIGTERM, as Bazel sends it when time is over, ends the run in order: fixtures are taken down."""
    signal.signal(signal.SIGTERM, _end)


def _end(number: int, _: object) -> None:
    signal.signal(number, signal.SIG_IGN)
    pytest.exit(f"ended by {signal.Signals(number).name}", returncode=128 + number)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Waits end by deadlines of their own, which tell more than a test's time limit."""
    for item in items:
        item.add_marker(pytest.mark.timeout(4 * DEADLINE_SECONDS))


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The Docker engine. Where there is none, tests are skipped, and fail where CI is set."""
    try:
        with open_engine() as found:
            yield found
    except NoEngineError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def running_fleet(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A fleet for the whole run."""
    with Fleet(engine, tmp_path_factory.mktemp("fleet")) as fleet:
        yield fleet


@pytest.fixture
def site(engine: Engine, tmp_path: Path) -> Iterator[Site]:
    """Networks and files for a fleet of a test's own."""
    with Site(engine, tmp_path) as site:
        yield site


@pytest.fixture
def fleet(running_fleet: Fleet) -> Fleet:
    """The same, with all of it up."""
    running_fleet.await_connected("agent-1", "agent-2")
    return running_fleet
