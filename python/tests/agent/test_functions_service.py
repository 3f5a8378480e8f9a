"""From the name of a service to its functions: real processes, the reading child, the catalogue."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from coral._proto.colony.v1 import fleet_pb2
from coral._proto.colony.v1 import query_pb2 as pb
from coral.agent.functions import reader as reader_module
from coral.agent.functions.processes import ProcessFinder, source_of
from coral.agent.functions.program import BinaryJob, PythonJob
from coral.agent.functions.reader import ProgramReader, read_in_child
from coral.agent.questions import Answers, answers_of
from coral.clock import SystemClock
from coral.errors import CoralError, LimitError, NotFoundError, UnsupportedError, UsageError
from coral.limits import MAX_CACHED_PROGRAMS
from coral.store.api import Transaction
from coral.store.duckdb.store import DuckDBStore

SERVICE_SOURCE = """
import signal, socket, sys

class Till:
    def charge(self): ...

def main():
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    signal.pause()

main()
"""


@contextmanager
def python_service(folder: Path) -> Iterator[tuple[int, int]]:
    """A running Python service: its process id and the port that it listens on."""
    (folder / "till.py").write_text(SERVICE_SOURCE)
    with subprocess.Popen([sys.executable, "till.py"], cwd=folder, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield process.pid, int(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGKILL)


def seen(store: DuckDBStore, service: str, attributes: dict[str, object], *, ago: float = 0.0) -> None:
    """Notes a resource of a service as ingest does."""
    moment = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=ago)

    def write(transaction: Transaction) -> None:
        transaction.connection.execute(
            "INSERT INTO resources VALUES (?, 'a1', ?, '1', ?, ?)",
            [transaction.seq, service, json.dumps(attributes), moment],
        )

    store.submit(write).result()


def server_span(store: DuckDBStore, service: str, port: int) -> None:
    def write(transaction: Transaction) -> None:
        transaction.connection.execute(
            "INSERT INTO spans BY NAME SELECT ? AS ingest_seq, 'a1' AS agent_id, 't' AS trace_id, 's' AS span_id,"
            " '' AS parent_span_id, ? AS service_name, '1' AS instance_id, 'GET /' AS span_name,"
            " 'SERVER' AS kind, now()::TIMESTAMP AS start_time, 1 AS duration_ns, 'UNSET' AS status_code,"
            " ? AS attributes, 1.0 AS sample_weight",
            [transaction.seq, service, json.dumps({"server.port": port})],
        )

    store.submit(write).result()


def finder(store: DuckDBStore, **configured: str) -> ProcessFinder:
    return ProcessFinder(store, clock=SystemClock(), configured=configured)


def answers(store: DuckDBStore, **configured: str) -> Answers:
    return answers_of(store, agent_id="a1", clock=SystemClock(), configured=configured)


def listed(found: Answers, service: str, **more: object) -> pb.ListFunctionsResponse:
    return asyncio.run(found.list_functions(pb.ListFunctionsRequest(service=service, **more)))  # type: ignore[arg-type]


def test_a_process_is_found_by_the_id_in_its_resource(store: DuckDBStore, tmp_path: Path) -> None:
    with python_service(tmp_path) as (pid, _):
        seen(store, "till", {"process.pid": pid, "host.name": socket.gethostname()})
        found = listed(answers(store), "till")
        assert [function.name for function in found.functions] == ["till.Till.charge", "till.main"]
        charge = found.functions[0]
        assert (charge.service_name, charge.file, charge.line) == ("till", str(tmp_path / "till.py"), 5)
    with pytest.raises(NotFoundError, match="no process of the service till was found"):
        finder(store).programs("till")


def test_a_process_is_found_by_its_listening_port(store: DuckDBStore, tmp_path: Path) -> None:
    with python_service(tmp_path) as (pid, port):
        seen(store, "till", {"telemetry.sdk.language": "python"})
        with pytest.raises(NotFoundError):
            finder(store).programs("till")
        server_span(store, "till", port)
        (source,) = finder(store).programs("till")
        assert source == source_of(pid)
        assert finder(store, till=f"port:{port}").programs("till") == [source]
        assert finder(store, till=f"pid:{pid}").programs("till") == [source]


def test_the_configuration_may_name_a_file_or_a_folder(store: DuckDBStore, tmp_path: Path) -> None:
    (tmp_path / "till.py").write_text(SERVICE_SOURCE)
    for target in (tmp_path, tmp_path / "till.py"):
        found = listed(answers(store, till=str(target)), "till", match="*charge")
        assert [function.name for function in found.functions] == ["till.Till.charge"]
    with pytest.raises(UsageError, match="which the configuration names for till"):
        finder(store, till=str(tmp_path / "gone")).programs("till")
    with pytest.raises(NotFoundError, match="no process listens on port 1,"):
        finder(store, till="port:1").programs("till")


@pytest.mark.parametrize(
    ("attributes", "ago"),
    [
        ({"process.pid": os.getpid()}, 10 * 86400.0),  # the id belongs to another process by now
        ({"process.pid": os.getpid(), "process.executable.path": "/usr/bin/other"}, 0.0),
        ({"process.pid": os.getpid(), "host.name": "another-host"}, 0.0),
        ({"process.pid": 4_194_305}, 0.0),
        ({"process.pid": "many"}, 0.0),
        ({"container.id": "ab" * 32, "process.pid": 4_194_305}, 0.0),
    ],
    ids=str,
)
def test_a_process_that_does_not_fit_is_not_taken(
    store: DuckDBStore, attributes: dict[str, object], ago: float
) -> None:
    seen(store, "till", attributes, ago=ago)
    with pytest.raises(NotFoundError) as refused:
        finder(store).programs("till")
    assert "functions: {till:" in (refused.value.hint or "")


def test_a_service_that_sent_nothing_is_unknown(store: DuckDBStore) -> None:
    with pytest.raises(NotFoundError, match="has sent nothing to this agent"):
        finder(store).programs("till")


def test_other_languages_are_named_as_unsupported(store: DuckDBStore, tmp_path: Path) -> None:
    seen(store, "web", {"telemetry.sdk.language": "nodejs"})
    with pytest.raises(UnsupportedError, match=r"functions of JavaScript programs \(nodejs\) cannot be read"):
        finder(store).programs("web")

    fake = tmp_path / "java"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", fake)
    with subprocess.Popen([fake, "60"]) as process:
        try:
            with pytest.raises(UnsupportedError, match=r"Java programs \(java\)"):
                finder(store, web=f"pid:{process.pid}").programs("web")
        finally:
            process.kill()


def test_a_binary_is_found_by_its_path_and_listed_in_pages(store: DuckDBStore, tmp_path: Path) -> None:
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("gcc is not installed")
    source = "".join(f"int step_{n:02}(int x) {{ return x + {n}; }}\n" for n in range(25))
    (tmp_path / "p.c").write_text(source + "#include <unistd.h>\nint main() { pause(); }\n")
    subprocess.run([compiler, "-g", "-o", "program", "p.c"], cwd=tmp_path, check=True)
    with subprocess.Popen([tmp_path / "program"]) as process:
        try:
            seen(store, "steps", {"process.executable.path": str(tmp_path / "program")})
            found = answers(store)

            names: list[str] = []
            token = ""
            while True:
                page = listed(found, "steps", match="step_*", page_size=10, page_token=token)
                assert len(page.functions) <= 10
                names += [function.name for function in page.functions]
                token = page.next_page_token
                if not token:
                    break
            assert names == [f"step_{n:02}" for n in range(25)]
            one = asyncio.run(found.get_function(pb.GetFunctionRequest(service="steps", name="step_07")))
            assert (one.function.line, one.function.binary) == (8, str(tmp_path / "program"))
            assert one.function.offset_bytes > 0
        finally:
            process.kill()


@pytest.mark.parametrize(
    "request_",
    [
        pb.ListFunctionsRequest(),
        pb.ListFunctionsRequest(service="x", page_size=-1),
        pb.ListFunctionsRequest(service="x", page_size=1001),
        pb.ListFunctionsRequest(service="x", page_token="no"),
        pb.ListFunctionsRequest(service="x", match="*" * 1001),
    ],
    ids=str,
)
def test_requests_that_cannot_be_used(store: DuckDBStore, request_: pb.ListFunctionsRequest) -> None:
    with pytest.raises(UsageError):
        asyncio.run(answers(store).list_functions(request_))


def test_a_question_that_is_not_known_is_unimplemented(store: DuckDBStore) -> None:
    with pytest.raises(UnsupportedError):
        asyncio.run(answers(store).answer(fleet_pb2.AgentQuestion(id=1)))


def test_the_child_is_ended_at_its_deadline(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def f(): ...\n")
    job = PythonJob(["python", "a.py"], str(tmp_path))
    with pytest.raises(LimitError, match="READ_PROGRAM_SECONDS"):
        asyncio.run(read_in_child(job, seconds=0.001))
    assert len(asyncio.run(read_in_child(job)).functions) == 1


def test_what_the_child_says_of_a_bad_file_comes_through(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no program")
    with pytest.raises(UsageError, match="cannot be read as an ELF binary"):
        asyncio.run(read_in_child(BinaryJob(str(tmp_path / "text"), "/app/text")))
    with pytest.raises(UsageError, match="/app/gone cannot be opened"):
        asyncio.run(read_in_child(BinaryJob(str(tmp_path / "gone"), "/app/gone")))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="no regular file"):
        asyncio.run(read_in_child(BinaryJob(str(tmp_path / "pipe"), "/app/pipe")))


def test_a_child_that_dies_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # A real child which the kernel ends as it would one that a hostile file has led astray.
    killer = tmp_path / "python"
    killer.write_text("#!/bin/sh\nkill -SEGV $$\n")
    killer.chmod(0o755)
    monkeypatch.setattr(reader_module.sys, "executable", str(killer))
    with pytest.raises(CoralError, match="ended with -11, without an answer"):
        asyncio.run(read_in_child(BinaryJob("/x", "/x")))


def test_programs_are_read_once_and_again_after_a_failure(
    store: DuckDBStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[str] = []
    real = reader_module.read_in_child

    async def counted(job: BinaryJob | PythonJob) -> object:
        reads.append(str(job))
        return await real(job)

    monkeypatch.setattr(reader_module, "read_in_child", counted)
    (tmp_path / "a.py").write_text("def f(): ...\n")
    (tmp_path / "b").write_text("no program")

    async def ask() -> None:
        reader = ProgramReader()
        (good,) = finder(store, s=str(tmp_path / "a.py")).programs("s")
        both = await asyncio.gather(reader.read(good), reader.read(good))
        assert both[0] is both[1]
        assert len(reads) == 1
        (tmp_path / "a.py").write_text("def f(): ...\ndef g(): ...\n")
        (changed,) = finder(store, s=str(tmp_path / "a.py")).programs("s")
        assert len((await reader.read(changed)).functions) == 2
        (bad,) = finder(store, s=str(tmp_path / "b")).programs("s")
        for _ in range(2):
            with pytest.raises(UsageError):
                await reader.read(bad)
        assert len(reads) == 4
        assert len(reader._known) <= MAX_CACHED_PROGRAMS

    asyncio.run(ask())
