"""The Docker engine of a test run: whether there is one, its images, and what a run may have left in it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import docker.errors
import psutil

DEADLINE_SECONDS = 180.0
"""How long one thing may take; on a busy machine a command in a container takes ten seconds."""

RUN_LABEL = "coral.test.run"
"""Label of every container, network and volume: which run made it."""

_OWNER_LABEL = "coral.test.owner"

RUN = os.environ.get("CORAL_TEST_RUN", uuid.uuid4().hex)
"""This run."""


class NoEngineError(Exception):
    """Why there is nothing to test with."""


class Engine:
    """A Docker engine that answers, with the images loaded."""

    def __init__(self, client: docker.DockerClient, images: dict[str, str]) -> None:
        self.client = client
        self._images = images

    def image(self, name: str) -> str:
        """The id of an image, by its name without the tag."""
        return self._images[name]

    def labels(self) -> dict[str, str]:
        """What to label everything with that this run makes."""
        own = psutil.Process()
        return {RUN_LABEL: RUN, _OWNER_LABEL: f"{own.pid}:{own.create_time():.2f}"}

    def found(self, run: str = RUN) -> list[str]:
        """Containers, networks and volumes of a run, which may be on their way out."""
        only = {"label": f"{RUN_LABEL}={run}"}
        containers = self.client.containers.list(all=True, filters=only, ignore_removed=True)
        return [
            *(f"container {found.name}" for found in containers),
            *(f"network {found.name}" for found in self.client.networks.list(filters=only)),
            *(f"volume {found.name}" for found in self.client.volumes.list(filters=only)),
        ]

    def sweep(self, run: str = RUN) -> None:
        """Removes all that a run made, whether or not it still stands."""
        only = {"label": f"{RUN_LABEL}={run}"}
        for container in self.client.containers.list(all=True, filters=only, ignore_removed=True):
            with contextlib.suppress(docker.errors.NotFound):
                container.remove(force=True, v=True)
        for network in self.client.networks.list(filters=only):
            network.remove()
        for volume in self.client.volumes.list(filters=only):
            volume.remove()

    def sweep_orphans(self) -> None:
        """Removes what runs made that are no more: they were killed before they could clean up."""
        ours = {"label": RUN_LABEL}
        everything = [
            *(
                found.labels
                for found in self.client.containers.list(all=True, filters=ours, ignore_removed=True)
            ),
            *(found.attrs["Labels"] for found in self.client.networks.list(filters=ours)),
            *(found.attrs["Labels"] for found in self.client.volumes.list(filters=ours)),
        ]
        for run in {labels[RUN_LABEL] for labels in everything if not _lives(labels[_OWNER_LABEL])}:
            self.sweep(run)


@contextlib.contextmanager
def open_engine() -> Iterator[Engine]:
    """The engine that DOCKER_HOST names, or the machine's own. Images that are loaded are removed at the end.

    Raises:
        NoEngineError: There is none, or there are no images.
    """
    places = [os.environ.get(name) for name in ("CORAL_TEST_IMAGES", "CORAL_TEST_IMAGES_REPORT")]
    if None in places:
        raise NoEngineError(
            "the images are not here; ./bazelw test //integration_tests/containers/... has them"
        )
    archive, report_file = (Path(str(place)) for place in places)
    report: dict[str, Any] = json.loads(report_file.read_text())
    if report["problem"]:
        raise NoEngineError(f"the images could not be built: {report['problem']}")
    try:
        _listens()
        client = docker.from_env()
        client.ping()
    except (OSError, docker.errors.DockerException) as error:
        raise NoEngineError(f"no Docker engine answers; ci/with-docker starts one: {error}") from None
    with contextlib.closing(client):
        images = {name.partition(":")[0]: image["id"] for name, image in report["images"].items()}
        missing = [image for image in images.values() if not _has(client, image)]
        if missing:
            with archive.open("rb") as data:
                client.images.load(data)
        engine = Engine(client, images)
        engine.sweep_orphans()
        try:
            yield engine
        finally:
            engine.sweep()
            for image in missing:
                # Another run may use it by now.
                with contextlib.suppress(docker.errors.APIError):
                    client.images.remove(image, force=True)


def wait_for(question: Any, seconds: float = DEADLINE_SECONDS) -> None:
    """Asks until the answer is true.

    Raises:
        AssertionError: It was never, for so long.
    """
    end = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < end, f"after {seconds:.0f} s: {answer!r}"
        time.sleep(0.1)


def _listens() -> None:
    """Whether anybody listens at the engine's socket. Docker's client leaves one open where nobody does.

    Raises:
        OSError: Nobody does.
    """
    kind, _, path = (os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock").partition("://")
    if kind == "unix":
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(path)


def _has(client: docker.DockerClient, image: str) -> bool:
    try:
        client.images.get(image)
    except docker.errors.ImageNotFound:
        return False
    return True


def _lives(owner: str) -> bool:
    pid, _, started = owner.partition(":")
    try:
        return f"{psutil.Process(int(pid)).create_time():.2f}" == started
    except psutil.NoSuchProcess:
        return False
