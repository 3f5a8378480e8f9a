"""A fleet in containers: a colony with TLS and tokens, agents, a load service, and a person's machine.

    network `fleet`, private     colony, agents, person
    network `apps`               agents, load

All of them run as an ordinary user with a read-only file system. Data have a volume, and /tmp is in memory.
"""

from __future__ import annotations

import contextlib
import io
import json
import signal
import tarfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from urllib.request import ProxyHandler, build_opener

import docker.errors
from engine import DEADLINE_SECONDS, Engine, wait_for
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from coral.testing.certificates import Authority
from coral.testing.processes import run_coral

_SECOND = 1_000_000_000
_LOAD_PORT = 8000
_HERE = Path(__file__).parent
_USER = 65532
_PAUSE = ["python3", "-c", "import signal; signal.pause()"]


@dataclass(frozen=True)
class Done:
    """How a command in a container ended."""

    code: int
    out: str
    err: str


class Machine:
    """A running container."""

    def __init__(self, container: DockerContainer) -> None:
        self._container = container

    @property
    def docker(self) -> Any:
        """Docker's own object, up to date."""
        wrapped = self._container.get_wrapped_container()
        wrapped.reload()
        return wrapped

    def run(self, *command: str, **environment: str) -> Done:
        """Runs a program in it."""
        code, (out, err) = self.docker.exec_run(list(command), demux=True, environment=environment)
        return Done(code, (out or b"").decode(), (err or b"").decode())

    def json(self, *command: str) -> Any:
        """Runs a command of `coral` with `-o json`, and answers what it prints."""
        done = self.run("coral", *command, "-o", "json")
        assert done.code == 0, f"coral {' '.join(command)} ended with {done.code}: {done.err}"
        return json.loads(done.out)

    def await_healthy(self) -> None:
        """Waits until the image's health check says so."""
        try:
            wait_for(lambda: self.docker.attrs["State"]["Health"]["Status"] == "healthy")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.docker.attrs['State']}\n{self.log()}") from None

    def log(self) -> str:
        """What it said."""
        text: bytes = self.docker.logs(tail=50)
        return text.decode(errors="replace")

    def restart(self) -> None:
        """Stops it as `docker stop` does, and starts it again."""
        self.docker.stop(timeout=20)
        assert self.docker.attrs["State"]["ExitCode"] == 0, self.log()
        self.docker.start()

    def kill(self) -> None:
        """Kills it as a crash of the machine would, and starts it again."""
        self.docker.kill(signal.SIGKILL)
        wait_for(lambda: self.docker.status == "exited")
        self.docker.start()

    def remove(self) -> None:
        """Stops it for good; volumes without a name go as well."""
        self.docker.stop(timeout=20)
        self._container.stop()

    def await_end(self) -> int:
        """Waits until it has ended by itself; answers its exit code."""
        return int(self.docker.wait(timeout=DEADLINE_SECONDS)["StatusCode"])


class Site:
    """Two networks and files; a test starts machines there. A context manager, which removes everything."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._stack = ExitStack()
        self.files = Files(folder / "files")

    def __enter__(self) -> Self:
        with self._stack:  # what was started goes again if the rest does not start
            self._private = self._network(internal=True)
            self._apps = self._network(internal=False)
            self._start_all()
            self._stack = self._stack.pop_all()
        return self

    def _start_all(self) -> None:
        """Starts nothing."""

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(
        self,
        image: str,
        *,
        network: Network | None = None,
        name: str | None = None,
        environment: Mapping[str, str] | None = None,
        command: Sequence[str] | None = None,
        port: int | None = None,
        data: str | None = None,
        **options: Any,
    ) -> Machine:
        """Starts a container of an image; it is removed at the end.

        Args:
            image: Its name without a tag.
            network: Where it is known by its name.
            name: Of the host, too.
            environment: Variables beside the image's.
            command: In the place of the image's.
            port: One that is published.
            data: A volume for its data; without one it gets one of its own, which goes with it.
            **options: What Docker's API has besides.
        """
        container = DockerContainer(self._engine.image(image))
        container.with_envs(**(environment or {}))
        if network is not None:
            container.with_network(network)
        if name is not None:
            container.with_network_aliases(name)
            options["hostname"] = name
        if port is not None:
            container.with_exposed_ports(port)
        if command is not None:
            container.with_command(list(command))
        container.with_volume_mapping(self.files.folder, "/etc/coral", "ro")
        if data is not None:
            container.with_volume_mapping(data, "/var/lib/coral", "rw")
        container.with_tmpfs_mount("/tmp")
        container.with_kwargs(**(_hardened() | {"labels": self._engine.labels()} | options))
        self._stack.callback(_remove, container)
        return Machine(container.start())

    def volume(self, store: Path, folder: str) -> str:
        """A volume for data, with what a packed store has in a folder, as the images' user would own it."""
        volume = self._engine.client.volumes.create(labels=self._engine.labels())
        self._stack.callback(volume.remove)
        waiting = self.start("coral", data=volume.name, entrypoint=_PAUSE, init=True, network_mode="none")
        waiting.docker.put_archive("/var/lib/coral", _repacked(store, folder))
        waiting.remove()
        return str(volume.name)

    def start_colony(self, *, environment: Mapping[str, str] | None = None, **options: Any) -> Machine:
        """The colony, known as `colony`."""
        variables = {
            "CORAL_COLONY_TLS_CERT": "/etc/coral/server.pem",
            "CORAL_COLONY_TLS_KEY": "/etc/coral/server.key",
            "CORAL_COLONY_TOKEN_FILE": "/etc/coral/tokens.yaml",
        }
        return self.start(
            "coral-colony",
            network=self._private,
            name="colony",
            environment=variables | dict(environment or {}),
            **options,
        )

    def start_agent(self, name: str, token: str = "agents", **options: Any) -> Machine:
        """An agent with a token, which load reaches by its name."""
        environment = {
            "CORAL_COLONY": "colony:9000",
            "CORAL_AGENT_TLS_CA": "/etc/coral/ca.pem",
            "CORAL_AGENT_TOKEN_FILE": f"/etc/coral/{token}.token",
            "CORAL_AGENT_ROLLUP_INTERVAL": "1s",
        }
        agent = self.start(
            "coral-agent", network=self._private, name=name, environment=environment, **options
        )
        self._apps.connect(agent.docker.id, [name])
        return agent

    def start_person(self, image: str = "coral-wheel", **options: Any) -> Machine:
        """A machine with Coral's wheel and a context for the colony, which waits for commands."""
        environment = {
            "CORAL_COLONY": "colony:9000",
            "CORAL_TLS_CA": "/etc/coral/ca.pem",
            "CORAL_TOKEN_FILE": "/etc/coral/alice.token",
        }
        return self.start(
            image,
            network=self._private,
            environment=environment,
            entrypoint=_PAUSE,
            init=True,
            **options,
        )

    person: Machine
    """Who asks; started by `start_person`."""

    def counts(self, service: str) -> tuple[int, int]:
        """Requests and errors of a service, over all that the colony keeps."""
        sql = (
            "SELECT coalesce(sum(request_count), 0)::BIGINT, coalesce(sum(error_count), 0)::BIGINT"
            " FROM service_summary WHERE bucket_time > TIMESTAMP '2000-01-01' AND service_name = ?"
        )
        ((requests, errors),) = self.person.json("query", sql, "--param", service)["rows"]
        return int(requests), int(errors)

    def await_counts(self, service: str, requests: int, errors: int = 0) -> None:
        """Waits until the colony has exactly these."""
        last = []

        def arrived() -> bool:
            last[:] = self.counts(service)
            return last[0] >= requests

        try:
            wait_for(arrived)
        except AssertionError as error:
            raise AssertionError(f"{service} has {last}, expected {requests}: {error}") from None
        assert last == [requests, errors]

    def states(self) -> dict[str, bool]:
        """By agent, whether it is connected."""
        return {agent["agent_id"]: agent["connected"] for agent in self.person.json("status")["agents"]}

    def await_connected(self, *agents: str) -> None:
        """Waits until these agents are connected."""
        wait_for(lambda: all(self.states().get(agent, False) for agent in agents))

    def await_colony(self) -> None:
        """Waits until a colony that was started again answers."""
        wait_for(lambda: self.person.run("coral", "status").code == 0)

    def _network(self, *, internal: bool) -> Network:
        network = Network(docker_network_kw={"internal": internal, "labels": self._engine.labels()})
        return self._stack.enter_context(network)


class Fleet(Site):
    """The whole."""

    def _start_all(self) -> None:
        self.colony = self.start_colony()
        self.agents = {name: self.start_agent(name) for name in ("agent-1", "agent-2")}
        self.load = self._start_load()
        self.person = self.start_person()
        for machine in (self.colony, *self.agents.values()):
            machine.await_healthy()
        self.await_load()

    def cut(self, agent: str) -> None:
        """Takes an agent off the private network; load still reaches it."""
        self._engine.client.networks.get(self._private.id).disconnect(self.agents[agent].docker.id)

    def heal(self, agent: str) -> None:
        """Puts it back."""
        self._private.connect(self.agents[agent].docker.id, [agent])

    def send(self, service: str, count: int, *, agent: str = "agent-1", failed: int = 0) -> None:
        """Has the load service make requests; all of them are acknowledged by the agent."""
        port = self.load.docker.ports[f"{_LOAD_PORT}/tcp"][0]["HostPort"]
        query = f"service={service}&count={count}&failed={failed}&agent={agent}:4317"
        with build_opener(ProxyHandler({})).open(
            f"http://127.0.0.1:{port}/load?{query}", timeout=90
        ) as answer:
            assert json.load(answer) == {"acknowledged": count}, self.load.log()

    def _start_load(self) -> Machine:
        return self.start(
            "coral",
            network=self._apps,
            name="load",
            entrypoint=["python3", "/etc/coral/load_service.py", str(_LOAD_PORT)],
            port=_LOAD_PORT,
            init=True,
        )

    def await_load(self) -> None:
        """Waits until the load service listens; it says so at each start."""
        starts = self.load.docker.attrs["State"]["StartedAt"]
        wait_for(lambda: b"ready" in self.load.docker.logs(since=_moment(starts)))


class Files:
    """Certificates, tokens and programs, which containers see in /etc/coral."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        Authority(folder).certificate("colony")
        self._tokens = folder / "tokens.yaml"
        for name, role in (("agents", "agent"), ("alice", "viewer"), ("root", "admin")):
            self.token(name, role)
        for program in (_HERE / "load_service.py", *(_HERE / "scripts").iterdir()):
            (folder / program.name).write_bytes(program.read_bytes())
        # Read by the images' user, which nobody on this machine is.
        folder.chmod(0o755)
        for file in folder.iterdir():
            file.chmod(0o644)

    def token(self, name: str, role: str) -> None:
        """Makes a token, in a file named after it."""
        done = run_coral("token", "create", name, "--role", role, "--token-file", str(self._tokens))
        assert done.returncode == 0, done.stderr
        (self.folder / f"{name}.token").write_text(done.stdout)
        for file in (self._tokens, self.folder / f"{name}.token"):
            file.chmod(0o644)

    def revoke(self, name: str) -> None:
        """Takes a token back."""
        done = run_coral("token", "revoke", name, "--token-file", str(self._tokens))
        assert done.returncode == 0, done.stderr
        self._tokens.chmod(0o644)


def _moment(text: str) -> datetime:
    """A time as Docker writes it: UTC, with nanoseconds."""
    return datetime.fromisoformat(text[:19])


def _remove(container: DockerContainer) -> None:
    with contextlib.suppress(docker.errors.NotFound):  # a test has removed it
        container.stop()


def _repacked(store: Path, folder: str) -> bytes:
    """A folder of a packed store as a tar of its own."""
    out = io.BytesIO()
    with tarfile.open(store) as packed, tarfile.open(fileobj=out, mode="w") as tar:
        for member in packed:
            if not member.name.startswith(f"{folder}/"):
                continue
            source = packed.extractfile(member) if member.isreg() else None
            member.name = member.name.removeprefix(f"{folder}/")
            member.uid = member.gid = _USER
            tar.addfile(member, source)
    return out.getvalue()


def _hardened() -> dict[str, Any]:
    """As the deployment files run them."""
    return {
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        # Only the interval is another than the image's: tests wait for it.
        "healthcheck": {"interval": _SECOND},
    }
