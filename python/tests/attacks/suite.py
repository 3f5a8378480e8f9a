"""Runs attacks: bare first, where each has to succeed, then under `coral run`, where none may."""

from __future__ import annotations

import base64
import contextlib
import enum
import json
import os
import shlex
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import grpc
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from coral._proto.colony.v1 import query_pb2, query_pb2_grpc
from coral.demo.launch import child_environment, coral_command
from coral.runner.binary import find_deno
from coral.testing.processes import Fleet, service_names, settled, start_agent, start_colony
from tests.attacks.canary import Canary, Secret
from tests.attacks.corpus import Attack
from tests.attacks.evidence import PeakMemory, UsersFile, captures, changes, snapshot
from tests.attacks.execution import Ended, adopt_orphans, end_strays, execute, own_children
from tests.runner.installed import STARTER, install

WORKERS = 2
GRACE_SECONDS = 2.0
"""What a runaway gets after its limit, until nothing of it may be left."""
START_SECONDS = 4.0
"""What starting Python and Deno may take on a machine with other work; not part of the limit."""
BARE_MEMORY_BYTES = 3 << 30
"""Resident memory at which an attack without Coral's walls is killed. Each takes about 1 GB at most."""
ENDLESS_SECONDS = 2.5
"""What is still there so long after its limit does not end by itself."""
COLONY_SECONDS = 5.0
"""How long the colony may take to answer others while it is attacked."""
COLONY_GROWTH_BYTES = 300 << 20
"""What one script may add to the colony's memory, for a moment, by calls that it may make."""
DOCUMENTED_CODES = frozenset({0, 1, 2, 65, 66, 69, 75, 77, 78, 79, 99, 124, 130, 134, 137, 141})
"""Those of `docs/exit-codes.md` that a script may end with (134: it aborts itself); none of them is a crash of Coral's own."""
SERVICE = "payments"


class Mode(enum.Enum):
    """The walls that an attack meets."""

    BARE = "bare deno run -A"
    ALL = "all layers"
    HEAD_START = "all layers, a second run"
    NO_LANDLOCK = "Landlock off"
    DENO_ONLY = "Deno's walls only"


_OFF = {Mode.NO_LANDLOCK: "landlock", Mode.DENO_ONLY: "all"}


@dataclass(frozen=True)
class Outcome:
    """What came of one attack in one mode.

    Attributes:
        attack: The attack.
        mode: The walls.
        captured: Signs that it got what it is after.
        problems: What must not happen even where it got nothing: an undocumented exit code, a limit that did
            not hold, a colony that does not answer.
        ended: How its last run ended.
    """

    attack: Attack
    mode: Mode
    captured: list[str]
    problems: list[str]
    ended: Ended

    @property
    def expected(self) -> bool:
        """Whether it went as `docs/security.md` says."""
        if self.mode is Mode.BARE:
            return bool(self.captured)
        if self.attack.kind == "allowed":
            works = self.ended.code == 0 and b"WORKS" in self.ended.output
            return works and not self.captured and not self.problems
        remains = self.attack.remains == "landlock" and self.mode is Mode.NO_LANDLOCK
        return bool(self.captured) == remains and not self.problems


@dataclass
class Suite:
    """A running colony with data, and folders for the runs."""

    fleet: Fleet
    work: Path
    strays: list[str] = field(default_factory=list)
    """Processes of attacks that were still there when all of a mode had ended, under Coral's walls or not."""
    early: int = 0
    """How many runs were started before Python: by the plan of an earlier one."""
    _known: frozenset[int] = field(default_factory=own_children)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(1_000_000)))

    def run(self, attacks: Sequence[Attack], modes: Sequence[Mode]) -> list[Outcome]:
        """Runs every attack in every mode, two at a time, mode by mode."""
        outcomes: list[Outcome] = []
        with ThreadPoolExecutor(WORKERS) as pool:
            for mode in modes:
                outcomes += pool.map(partial(self._attack, mode=mode), attacks)
                if (noted := self.work / "bin" / "early").exists():
                    self.early = noted.stat().st_size
                self.strays += [f"{mode.value}: {command}" for command in end_strays(self._known)]
        return outcomes

    def strays_of_walls(self) -> list[str]:
        """The strays that Coral's walls did not hold."""
        return [stray for stray in self.strays if not stray.startswith(Mode.BARE.value)]

    def _attack(self, attack: Attack, mode: Mode) -> Outcome:
        with self._lock:
            number = next(self._numbers)
        # Short: a Unix socket's name has at most 107 bytes.
        root = self.work / str(number)
        script_folder, outside, home, temporary = (root / name for name in ("proj", "outside", "home", "tmp"))
        for folder in (script_folder, outside, home, temporary):
            folder.mkdir(parents=True)
        secret = Secret()
        secret.fill_outside(outside)
        secret.fill_home(home)
        with Canary(secret, root) as canary:
            colony_host, _, colony_port = self.fleet.colony.grpc.rpartition(":")
            places = {
                "outside": str(outside),
                "home": str(home),
                "tmp": str(temporary),
                "folder": str(script_folder),
                "port": str(canary.tcp_port),
                "udp": str(canary.udp_port),
                "unix": canary.unix_path,
                "abstract": canary.abstract_name,
                "victim": str(canary.victim.pid),
                "inherited": str(canary.inherited.fileno()),
                "inherited_file": str(canary.inherited_file),
                "harness": str(os.getpid()),
                "colony": self.fleet.colony.grpc,
                "fleet": self.fleet.colony.fleet,
                "colony_host": colony_host,
                "colony_port": colony_port,
                "colony_pid": str(self.fleet.colony.child.pid),
                "colony_data": str(self.work / "fleet" / "colony"),
                "cache": str(self._cache(mode)),
                "map": _source_map(outside / "secret.txt"),
            }
            script = attack.lay_out(script_folder, places)
            users = UsersFile(root / "users.log")
            watched = [script_folder, outside, home, temporary]
            before = snapshot(watched)
            growth = PeakMemory(self.fleet.colony.child.pid)
            environment = self._environment(mode, secret, home, temporary, canary.tcp_port)
            command = self._command(attack, mode, script)
            slowest = attack.limit_seconds + GRACE_SECONDS + START_SECONDS
            proof_of_endlessness = attack.endless and mode is Mode.BARE
            problems: list[str] = []
            said = b""
            for turn in range(attack.runs + (mode is Mode.HEAD_START)):
                ended = execute(
                    command,
                    environment={**environment, "RUN": str(turn)},
                    folder=script_folder,
                    seconds=attack.limit_seconds + ENDLESS_SECONDS if proof_of_endlessness else slowest + 10,
                    terminal=attack.terminal,
                    types=attack.types,
                    memory_bytes=BARE_MEMORY_BYTES if mode is Mode.BARE else None,
                    stdin=script if attack.via == "stdin" else users.path if attack.stdin else None,
                    stdout=users.path if attack.stdout else None,
                    pass_fds=(canary.inherited.fileno(), canary.inherited_file),
                )
                problems += [] if mode is Mode.BARE else self._problems(attack, ended, slowest)
                said += ended.output
            ended.output = said
            if proof_of_endlessness and ended.gave_up:
                ended.output += b"\nCAPTURED more time than its limit\n"
            captured = captures(attack, ended, secret, canary, changes(before, snapshot(watched)))
            captured += users.damage()
            if (grown := growth.bytes()) > COLONY_GROWTH_BYTES and attack.kind == "colony":
                captured.append(f"the colony grew by {grown >> 20} MiB")
        shutil.rmtree(root, ignore_errors=True)
        return Outcome(attack, mode, captured, problems, ended)

    def _problems(self, attack: Attack, ended: Ended, slowest: float) -> list[str]:
        problems = []
        if ended.gave_up:
            problems.append(f"it was still there {slowest:g} s after its start")
        elif ended.seconds > slowest:
            problems.append(f"it took {ended.seconds:.1f} s, its limit is {attack.limit_seconds:g} s")
        elif ended.code not in DOCUMENTED_CODES:
            problems.append(f"the exit code {ended.code} is not documented")
        if b"Traceback (most recent call last)" in ended.output:
            problems.append("Coral printed a traceback")
        if self.fleet.colony.child.exit_code is not None:
            problems.append("the colony ended")
        else:
            try:
                services = _services(self.fleet.colony.grpc)
                if services != [SERVICE]:
                    problems.append(f"the colony's services are {services}")
            except grpc.RpcError as error:
                problems.append(f"the colony does not answer: {error.code()}")
        return problems

    def _cache(self, mode: Mode) -> Path:
        return self.work / ("deno" if mode is Mode.BARE else "cache")

    def _command(self, attack: Attack, mode: Mode, script: Path) -> list[str]:
        source = {"stdin": ["-"], "eval": ["-e", script.read_text()]}.get(attack.via, [str(script)])
        if mode is Mode.BARE:
            if attack.via == "eval":
                return [find_deno(), "eval", "--ext=ts", source[1]]  # it has all rights
            return [find_deno(), "run", *attack.bare, *source]
        limit = f"{attack.limit_seconds:g}s"
        flags = ["--colony", self.fleet.colony.grpc, "--timeout", limit, *attack.flags]
        if mode is Mode.HEAD_START:
            return [str(self.work / "bin" / "coral"), "run", *flags, *source]
        return [*coral_command("run"), *flags, *source]

    def _environment(
        self, mode: Mode, secret: Secret, home: Path, temporary: Path, port: int
    ) -> dict[str, str]:
        environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "HOME": str(home),
            "TMPDIR": str(temporary),
            **secret.environment(),
        }
        if mode is Mode.BARE:
            # Package registries are the canary: nothing leaves this machine, and asking them is noticed.
            registry = f"http://127.0.0.1:{port}/"
            return {
                **environment,
                "DENO_DIR": str(self._cache(mode)),
                "DENO_NO_UPDATE_CHECK": "1",
                "NPM_CONFIG_REGISTRY": registry,
                "JSR_URL": registry,
            }
        own = self.work / "own"
        environment |= {
            "PYTHONPATH": child_environment()["PYTHONPATH"],
            "PYTHONDONTWRITEBYTECODE": "1",
            "CORAL_CACHE_DIR": str(self._cache(mode)),
            "XDG_CONFIG_HOME": str(own / "config"),
            "XDG_STATE_HOME": str(own / "state"),
        }
        if mode in _OFF:
            environment["CORAL_CONTAINMENT_OFF"] = _OFF[mode]
        return environment


@contextlib.contextmanager
def open_suite() -> Iterator[Suite]:
    """Starts a colony and an agent, sends a trace, and makes the folders of the runs."""
    adopt_orphans()
    work = Path(tempfile.mkdtemp(prefix="atk-"))
    try:
        with start_colony(work / "fleet") as colony, start_agent(colony.grpc, work / "fleet") as agent:
            _send_trace(agent.otlp_grpc)
            assert settled(lambda: service_names(colony.grpc), [SERVICE]) == [SERVICE]
            if STARTER.exists():  # only Linux has it
                install(work / "bin", _python(work / "bin" / "early"))
            yield Suite(Fleet(colony, agent), work)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _python(early: Path) -> str:
    """The script that the command becomes: it notes in a file which runs were started before Python."""
    noted = f"case $CORAL_HEAD_START in [1-9]*) echo >> {early};; esac"
    return f'#!/bin/sh\n{noted}\nexec {shlex.join(coral_command())} "$@"\n'


def _source_map(of: Path) -> str:
    """A source map that names a file as what was written, as a data: URL holds it."""
    text = json.dumps({"version": 3, "sources": [of.as_uri()], "names": [], "mappings": "AAAA"})
    return base64.b64encode(text.encode()).decode()


def _send_trace(otlp: str) -> None:
    exporter = OTLPSpanExporter(endpoint=f"http://{otlp}", insecure=True)
    provider = TracerProvider(resource=Resource.create({"service.name": SERVICE}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    now = time.time_ns()
    provider.get_tracer("attacks").start_span("GET /", start_time=now - 10**6).end(end_time=now)
    provider.shutdown()


def _services(colony: str) -> list[str]:
    with grpc.insecure_channel(colony) as channel:
        answer = query_pb2_grpc.QueryServiceStub(channel).ListServices(
            query_pb2.ListServicesRequest(), timeout=COLONY_SECONDS
        )
    return [service.name for service in answer.services]
