"""Real scripts over a Unix socket: the walls of this mode, and the same answers as over gRPC."""

from __future__ import annotations

import random
import socket
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from coral._proto.colony.v1 import query_pb2 as pb
from coral._proto.colony.v1 import query_pb2_grpc
from coral.clock import FixedClock
from coral.query.api import QueryApi
from coral.query.helpers import Helpers
from coral.query.servicer import QueryServicer
from coral.serve.framed import Endpoint, FramedServer
from coral.serve.listen import GrpcServer
from coral.store.duckdb.store import DuckDBStore
from coral.store.guard.pool import QueryPool
from coral.testing.processes import COMMAND_SECONDS
from tests.framed.servers import SERVICE, Behaviour, framed, in_thread
from tests.query.test_recent import commit, random_rows
from tests.runner.program import Program, Result

NOW = datetime(2026, 11, 23, 12, 0, 30)
EVERYTHING = """
import * as coral from "@coral/sdk";

const answers: Record<string, () => Promise<unknown>> = {
  services: () => coral.services.list(),
  p50: () => coral.metrics.getP50("payments"),
  p99: () => coral.metrics.getP99Ms("orders", undefined, "10m"),
  errors: () => coral.metrics.getRequests("payments"),
  nobody: () => coral.metrics.getP99("nobody"),
  traces: () => coral.traces.query({ timeRange: "1h", limit: 5 }),
  cpu: () => coral.system.getCPU(),
  trace: () => coral.traces.get("0".repeat(32)),
  wrong: () => coral.metrics.getPercentile("payments", "http.server.duration", 7),
  rows: () => coral.db.query("SELECT * FROM service_summary ORDER BY ALL LIMIT 20"),
  cut: async () => (await coral.db.query("SELECT bucket_time FROM service_summary", [], { limit: 2 })).completeness,
  types: () => coral.db.query("SELECT 1::HUGEINT AS h, [1, 2] AS l, {'a': 1.5} AS s, NULL AS n, 'ü' AS t"),
  refused: () => coral.db.query("SELECT * FROM read_csv('/etc/passwd')"),
  failed: () => coral.db.query("SELECT nothing FROM service_summary"),
  stream: async () => {
    let sum = 0;
    for await (const row of coral.db.stream("SELECT i FROM range(20000) t(i)")) sum += Number(row.i);
    return sum;
  },
};
for (const [name, ask] of Object.entries(answers)) {
  try {
    console.log(name, Deno.inspect(await ask(), { depth: 9 }));
  } catch (error) {
    if (!(error instanceof coral.CoralError)) throw error;
    const { reason, code, message, hint, metadata } = error;
    console.log(name, error.name, reason, code, JSON.stringify({ message, hint, metadata }));
  }
}
"""


def run(coral: Program, endpoint: Endpoint, script: str) -> Result:
    command = [sys.executable, "-m", "tests.framed.run_host", script, str(endpoint.path), endpoint.token]
    ended = subprocess.run(
        command, env=coral.environment, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
    )
    return Result(ended.returncode, ended.stdout, ended.stderr)


@contextmanager
def both(folder: Path) -> Iterator[tuple[str, Endpoint]]:
    """One QueryService, over some minutes of random requests and at a time that stands still, served twice."""
    clock = FixedClock(NOW)
    store = DuckDBStore(
        folder / "data", kind="colony", retention=timedelta(days=7), clock=clock, seal_interval=0
    )
    minutes = [NOW.replace(second=0) - n * timedelta(minutes=1) for n in range(6)]
    commit(store, None, random_rows(random.Random(7), minutes, 200))

    async def work(hand_over: Callable[[Any], Awaitable[None]]) -> None:
        pool = QueryPool("colony")
        servicer = QueryServicer(
            QueryApi(
                store,
                Helpers(store, clock),
                pool,
                records=None,  # type: ignore[arg-type]
                completeness=pb.Completeness,
                samples_traces=True,
            )
        )
        server = GrpcServer(max_message_bytes=32 << 20)
        query_pb2_grpc.add_QueryServiceServicer_to_server(servicer, server.server)
        address = server.listen("127.0.0.1:0")
        await server.start((SERVICE,), reflect=False)
        with tempfile.TemporaryDirectory() as parent:
            async with FramedServer() as frames:
                query_pb2_grpc.add_QueryServiceServicer_to_server(servicer, frames)
                await hand_over((address, await frames.open(Path(parent), caller="test")))
        await server.stop(0.0)
        await pool.close()

    try:
        with in_thread(work) as served:
            yield served
    finally:
        store.close()


def test_a_script_gets_the_same_over_both_transports(coral: Program, tmp_path: Path) -> None:
    script = coral.script(EVERYTHING)
    with both(tmp_path) as (address, endpoint):
        by_grpc = coral.run("run", "--no-check", "--colony", address, script)
        by_frames = run(coral, endpoint, script)
    assert (by_grpc.code, by_grpc.stderr) == (by_frames.code, by_frames.stderr) == (0, "")
    assert by_frames.stdout == by_grpc.stdout
    lines = by_frames.stdout
    assert "nobody NoDataError NO_DATA NOT_FOUND" in lines
    assert "wrong CoralError INVALID_ARGUMENT INVALID_ARGUMENT" in lines
    assert "refused CoralError QUERY_REFUSED PERMISSION_DENIED" in lines
    assert "failed CoralError QUERY_FAILED INVALID_ARGUMENT" in lines
    assert "stream 199990000" in lines
    assert "rows []" not in lines


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with framed(Behaviour()) as (_, opened):
        yield opened


def test_a_script_knows_its_mode_and_what_ended_its_calls(coral: Program, endpoint: Endpoint) -> None:
    script = coral.script(
        """
        import * as coral from "@coral/sdk";
        console.log(coral.mode);
        const error = await coral.metrics.getP99("overload").catch((error) => error);
        console.log(error.reason, error.hint);
        """
    )
    ended = run(coral, endpoint, script)
    assert (ended.stdout, ended.stderr, ended.code) == ("agent\nOVERLOADED later\n", "", 0)


def test_a_host_that_has_gone_is_unreachable(coral: Program, tmp_path: Path) -> None:
    with framed(Behaviour()) as (_, gone):
        pass
    script = coral.script('import * as coral from "@coral/sdk"; await coral.services.list();')
    ended = run(coral, gone, script)
    assert ended.code == 69
    assert str(gone.path) in ended.stderr


@pytest.mark.parametrize(
    "attempt",
    [
        "await Deno.connect({ hostname: '127.0.0.1', port: PORT })",
        "await fetch('http://127.0.0.1:PORT/')",
        "await Deno.connect({ transport: 'unix', path: 'OTHER' })",
        "(await import('node:net')).connect('OTHER')",
        "Deno.removeSync('SOCKET')",
        "Deno.renameSync('SOCKET', 'SOCKET2')",
        "Deno.chmodSync('SOCKET', 0o777)",
        "Deno.writeTextFileSync('SOCKET', 'x')",
        "Deno.listen({ transport: 'unix', path: 'SOCKET' })",
        "Deno.writeTextFileSync('DIRECTORY/file', 'x')",
        "Deno.symlinkSync('/etc/passwd', 'SOCKET')",
        "console.log([...Deno.readDirSync('DIRECTORY')])",
    ],
)
def test_the_socket_is_all_that_it_reaches(
    coral: Program, endpoint: Endpoint, tmp_path: Path, attempt: str
) -> None:
    other = tmp_path / "s"
    with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as unix:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        unix.bind(str(other))
        unix.listen()
        text = attempt.replace("PORT", str(tcp.getsockname()[1])).replace("OTHER", str(other))
        text = text.replace("SOCKET", str(endpoint.path)).replace("DIRECTORY", str(endpoint.path.parent))
        # Afterwards the socket still serves it.
        script = coral.script(
            f"""
            import * as coral from "@coral/sdk";
            try {{
              {text};
              await new Promise((done) => setTimeout(done, 100));
              console.log("CAPTURED");
            }} catch {{
              console.log("held");
            }}
            console.log((await coral.services.list()).length);
            """
        )
        ended = run(coral, endpoint, script)
    assert "CAPTURED" not in ended.stdout
    # An error of node's sockets comes as an event that ends the script.
    assert ended.stdout == "held\n1\n" or (ended.code == 77 and "node:net" in attempt)
    assert [path.name for path in endpoint.path.parent.iterdir()] == ["sdk.sock"]
    assert endpoint.path.stat().st_mode & 0o777 == 0o600
