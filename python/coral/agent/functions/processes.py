"""Which process runs a service, and how its program is read.

In this order: the configuration says so; the service's OpenTelemetry resource names its process
(`process.pid`, in a container with `container.id`) or its executable (`process.executable.path`); a
process on this host listens on the port that the service's spans name (`server.port`).
"""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psutil

from coral.agent.functions.program import BinaryJob, Job, PythonJob
from coral.clock import Clock
from coral.errors import CoralError, NotFoundError, UnsupportedError, UsageError
from coral.limits import MAX_PROGRAMS_PER_SERVICE
from coral.store.api import Store

_PYTHON: Final = re.compile(r"^(python|pypy)[0-9.]*$")
_RUNTIMES: Final = {
    "node": "JavaScript", "nodejs": "JavaScript", "deno": "JavaScript", "bun": "JavaScript", "java": "Java",
    "ruby": "Ruby", "php": "PHP", "php-fpm": "PHP", "dotnet": ".NET", "beam.smp": "Erlang", "perl": "Perl",
}  # fmt: skip
_LANGUAGES: Final = {
    "nodejs": "JavaScript", "webjs": "JavaScript", "java": "Java", "ruby": "Ruby", "php": "PHP",
    "dotnet": ".NET", "erlang": "Erlang",
}  # fmt: skip
_PORT_LOOK_BACK: Final = timedelta(minutes=15)
_START_SLACK: Final = timedelta(seconds=2)  # /proc counts from boot, in ticks

_RESOURCES: Final = """
    SELECT arg_max(attributes, last_seen), max(last_seen) AS seen FROM resources
    WHERE service_name = $service GROUP BY instance_id ORDER BY seen DESC LIMIT 100
"""
_PORTS: Final = """
    SELECT DISTINCT coalesce(attributes ->> '$."server.port"', attributes ->> '$."net.host.port"') AS port
    FROM spans WHERE service_name = $service AND kind = 'SERVER' AND start_time >= $start AND port IS NOT NULL
    LIMIT 10
"""


@dataclass(frozen=True)
class Source:
    """A program to read, and what tells it from other ones and from its own later versions."""

    job: Job
    identity: tuple[object, ...]


class ProcessFinder:
    """Finds the programs of services on this host. Blocking: call from a worker thread."""

    def __init__(self, store: Store, *, clock: Clock, configured: Mapping[str, str]) -> None:
        """Binds the finder.

        Args:
            store: The agent's store, for resources and spans.
            clock: The time.
            configured: By service: a path (binary, Python file or folder), `pid:NUMBER` or `port:NUMBER`.
        """
        self._store = store
        self._clock = clock
        self._configured = configured

    def programs(self, service: str) -> list[Source]:
        """The different programs that run a service here; at least one, at most `MAX_PROGRAMS_PER_SERVICE`.

        Raises:
            NotFoundError: No process of the service is known here.
            UnsupportedError: Its language cannot be read.
            UsageError: Its process may not be looked at, or the configuration names nothing that exists.
        """
        configured = self._configured.get(service)
        if configured is not None:
            return [self._configured_source(service, configured)]
        resources = self._resources(service)
        found: dict[tuple[object, ...], Source] = {}
        problems: list[CoralError] = []
        for pid in self._processes(service, resources):
            try:
                source = source_of(pid)
            except CoralError as error:
                problems.append(error)
                continue
            found.setdefault(source.identity, source)
            if len(found) >= MAX_PROGRAMS_PER_SERVICE:
                break
        if found:
            return list(found.values())
        if problems:
            raise problems[0]
        raise self._unknown(service, resources)

    def _configured_source(self, service: str, target: str) -> Source:
        word, colon, number = target.partition(":")
        if colon and word == "pid" and number.isdigit():
            return source_of(int(number))
        if colon and word == "port" and number.isdigit():
            for pid in _listeners({int(number)}):
                return source_of(pid)
            raise NotFoundError(
                f"no process listens on port {number}, which the configuration names for {service}",
                hint="change functions in the agent's configuration",
            )
        return _source_of_path(service, target)

    def _resources(self, service: str) -> list[tuple[dict[str, Any], datetime]]:
        rows = self._store.query(_RESOURCES, {"service": service}, since={"resources": None})
        return [(json.loads(attributes), seen) for attributes, seen in rows]

    def _processes(self, service: str, resources: list[tuple[dict[str, Any], datetime]]) -> Iterator[int]:
        here = socket.gethostname()
        for attributes, seen in resources:
            host = attributes.get("host.name")
            container = attributes.get("container.id")
            if isinstance(host, str) and host != here and not container:
                continue  # another machine sends to this agent
            yield from _by_resource(attributes, seen)
        start = self._clock.now() - _PORT_LOOK_BACK
        rows = self._store.query(_PORTS, {"service": service, "start": start}, since={"spans": start})
        ports = {int(port) for (port,) in rows if port.isdigit()}
        if ports:
            yield from _listeners(ports)

    def _unknown(self, service: str, resources: list[tuple[dict[str, Any], datetime]]) -> CoralError:
        for attributes, _ in resources:
            language = _LANGUAGES.get(str(attributes.get("telemetry.sdk.language")))
            if language is not None:
                return _unsupported(language, str(attributes["telemetry.sdk.language"]))
        if not resources:
            return NotFoundError(
                f"the service {service} has sent nothing to this agent",
                hint="check the name with `coral services`",
            )
        return NotFoundError(
            f"no process of the service {service} was found on this host",
            hint="let it send process.pid with its resource (Python: OTEL_EXPERIMENTAL_RESOURCE_DETECTORS="
            f'process, Go: resource.WithProcess()), or set functions: {{{service}: "/path/of/its/program"}}'
            " in the agent's configuration",
        )


def _by_resource(attributes: Mapping[str, Any], seen: datetime) -> Iterator[int]:
    pid = attributes.get("process.pid")
    number = pid if isinstance(pid, int) else int(pid) if isinstance(pid, str) and pid.isdigit() else None
    container = attributes.get("container.id")
    path = attributes.get("process.executable.path")
    if isinstance(container, str) and re.fullmatch(r"[0-9a-f]{12,64}", container):
        inside = list(_in_container(container, number, path))
        if inside:
            yield from inside
            return
    if number is not None:
        if _is_it(number, path, attributes.get("process.executable.name"), seen):
            yield number
    elif isinstance(path, str) and not _PYTHON.match(os.path.basename(path)):
        for process in psutil.process_iter():
            if _is_it(process.pid, path, None, seen):
                yield process.pid


def _is_it(pid: int, path: object, name: object, seen: datetime) -> bool:
    """Whether a process can be the one that sent a resource: not a later one with the same id."""
    try:
        process = psutil.Process(pid)
        started = datetime.fromtimestamp(process.create_time(), UTC).replace(tzinfo=None)
        executable = _executable(pid)
    except (psutil.Error, OSError):
        # It is gone, or not ours to see; in that case source_of says so.
        return psutil.pid_exists(pid) and path is None and name is None
    if started > seen + _START_SLACK:
        return False
    if isinstance(path, str) and path:
        return os.path.realpath(path) == executable or path == executable
    if isinstance(name, str) and name:
        return os.path.basename(name) in (os.path.basename(executable), process.name())
    return True


def _in_container(container: str, pid: int | None, path: object) -> Iterator[int]:
    """Processes whose cgroup names the container; with `pid` only the one that has it inside."""
    for process in psutil.process_iter():
        try:
            with open(f"/proc/{process.pid}/cgroup", encoding="utf-8") as file:
                if container not in file.read():
                    continue
            if pid is not None and _inner_pid(process.pid) != pid:
                continue
            if pid is None and isinstance(path, str) and _executable(process.pid) != path:
                continue
        except OSError:
            continue  # it ended meanwhile, or is not ours to see
        yield process.pid


def _inner_pid(pid: int) -> int:
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        for line in file:
            if line.startswith("NSpid:"):
                return int(line.split()[-1])
    return pid


def _listeners(ports: set[int]) -> Iterator[int]:
    for connection in psutil.net_connections(kind="tcp"):
        if connection.status != psutil.CONN_LISTEN or connection.pid is None or not connection.laddr:
            continue
        if connection.laddr.port in ports:
            yield connection.pid


def source_of(pid: int) -> Source:
    """How to read the program of a process.

    Raises:
        NotFoundError: There is no such process.
        UsageError: It may not be looked at.
        UnsupportedError: It runs a language that cannot be read.
    """
    try:
        executable = _executable(pid)
        process = psutil.Process(pid)
        name = os.path.basename(executable)
        if name in _RUNTIMES or name.startswith("php-fpm"):
            raise _unsupported(_RUNTIMES.get(name, "PHP"), name)
        root = _root(pid)
        if _PYTHON.match(name):
            environment = process.environ()
            python = PythonJob(
                arguments=process.cmdline(),
                folder=os.readlink(f"/proc/{pid}/cwd"),
                root=root,
                python_path=environment.get("PYTHONPATH", ""),
                virtual_env=environment.get("VIRTUAL_ENV", ""),
            )
            return Source(python, (*_key(python), process.create_time()))
        binary = BinaryJob(path=f"/proc/{pid}/exe", shown=executable, root=root)
        return Source(binary, (executable, *_file_key(binary.path)))
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        raise NotFoundError(f"there is no process {pid} on this host") from None
    except (psutil.AccessDenied, PermissionError):
        raise UsageError(
            f"the program of process {pid} may not be looked at by the agent",
            hint="run the agent as the same user, or with CAP_SYS_PTRACE",
        ) from None


def _source_of_path(service: str, path: str) -> Source:
    if os.path.isdir(path) or path.endswith(".py"):
        python = PythonJob(arguments=["python", path], folder=os.path.dirname(path))
        return Source(python, (*_key(python), *_file_key(path)))
    try:
        return Source(BinaryJob(path, path), (path, *_file_key(path)))
    except OSError as error:
        raise UsageError(
            f"the program {path}, which the configuration names for {service}, cannot be read:"
            f" {error.strerror}",
            hint="change functions in the agent's configuration",
        ) from error


def _key(job: PythonJob) -> tuple[object, ...]:
    return (*job.arguments, job.folder, job.root, job.python_path, job.virtual_env)


def _file_key(path: str) -> tuple[object, ...]:
    status = os.stat(path)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _executable(pid: int) -> str:
    return os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")


def _root(pid: int) -> str:
    """The process's root as a path of ours; `/` where it is the same."""
    root = f"/proc/{pid}/root"
    same = os.readlink(f"/proc/{pid}/ns/mnt") == os.readlink("/proc/self/ns/mnt")
    return "/" if same and os.readlink(root) == "/" else root


def _unsupported(language: str, what: str) -> UnsupportedError:
    return UnsupportedError(
        f"functions of {language} programs ({what}) cannot be read",
        hint="functions are read of ELF binaries (C, C++, Rust, Go and the like) and of Python programs",
    )
