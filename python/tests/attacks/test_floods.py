"""Who floods a colony gets no more than its limits say, and the others are served.

Each flood is first shown to be one: where nothing bounds it, it gets more.
"""

from __future__ import annotations

import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path

import grpc
import pytest

from coral._proto.sdk.v1 import runtime_pb2, runtime_pb2_grpc
from coral.config.frames_file import frames_of
from coral.demo.launch import Colony, child_environment, coral_command
from coral.limits import EVENT_BYTES_PER_SECOND, EVENTS_AT_ONCE, EVENTS_PER_SECOND
from coral.testing.processes import coral_json, run_coral, start_colony

WAIT_SECONDS = 30.0
_BURST_BYTES = 10 * EVENT_BYTES_PER_SECOND  # "ten seconds' worth may come at once"
_EVENT_BYTES = 60_000
_MOST = 1_000  # 60 MB: more than a minute's worth

ASKS = """
import * as coral from "@coral/sdk";
console.log("answered", (await coral.db.query("SELECT 1 AS one"))[0].one);
"""

FLOODS = """
import * as coral from "@coral/sdk";
const ends = await Promise.all(Array.from({ length: 400 }, (_, n) =>
  coral.emit("flood", { n }, { timeout: "1s" }).then(() => "stored", (error) => `${error.reason} ${error.message}`)));
console.log(JSON.stringify(ends));
"""

HOLDS = """
const port = @port@;
async function hold(): Promise<void> {
  for (;;) {
    try {
      const open = await Deno.connect({ hostname: "127.0.0.1", port });
      await open.write(new Uint8Array([0, 0, 4, 0, 1])); // a frame of 1024 bytes, of which one comes
      await open.read(new Uint8Array(1)); // until the colony has enough of it
      open.close();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}
console.log("HOLDING");
await Promise.all(Array.from({ length: 200 }, hold));
"""


class Unbounded(runtime_pb2_grpc.RuntimeServiceServicer):
    """Takes every event."""

    def Emit(
        self, request: runtime_pb2.EmitRequest, context: grpc.ServicerContext
    ) -> runtime_pb2.EmitResponse:
        """See the RPC."""
        return runtime_pb2.EmitResponse()


@pytest.fixture
def colony(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Colony]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("CORAL_FRAMES", raising=False)
    (tmp_path / "asks.ts").write_text(ASKS)
    with start_colony(tmp_path) as started:
        yield started


def flood(address: str) -> tuple[int, str]:
    """Emits large events, each as a run of its own, until one is refused; the bytes stored, and what was said."""
    data = '{"text": "' + "x" * _EVENT_BYTES + '"}'
    stored = 0
    with grpc.insecure_channel(address) as channel:
        service = runtime_pb2_grpc.RuntimeServiceStub(channel)
        for _ in range(_MOST):
            request = runtime_pb2.EmitRequest(
                event_id=str(uuid.uuid4()),
                name="flood",
                data=data,
                severity=runtime_pb2.SEVERITY_INFO,
                execution_id=str(uuid.uuid4()),
                script_name="flood.ts",
            )
            try:
                service.Emit(request, timeout=WAIT_SECONDS)
            except grpc.RpcError as error:
                return stored, str(error.details())
            stored += len(data)
    return stored, ""


def count(colony: Colony) -> int:
    """Events that a colony has stored."""
    events = coral_json("events", "--colony", colony.grpc, "--limit", "1000")
    assert isinstance(events["events"], list)
    return len(events["events"])


def test_events_of_runs_that_call_themselves_others_are_bounded_together(
    tmp_path: Path, colony: Colony
) -> None:
    server = grpc.server(futures.ThreadPoolExecutor(2))
    runtime_pb2_grpc.add_RuntimeServiceServicer_to_server(Unbounded(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        assert flood(f"127.0.0.1:{port}") == (_MOST * (_EVENT_BYTES + 12), "")
    finally:
        server.stop(None).wait()

    started = time.monotonic()
    stored, said = flood(colony.grpc)
    took = time.monotonic() - started
    assert "EVENT_BYTES_PER_SECOND" in said
    assert stored <= _BURST_BYTES + took * EVENT_BYTES_PER_SECOND
    assert count(colony) == stored // (_EVENT_BYTES + 12)
    done = run_coral("run", str(tmp_path / "asks.ts"), "--colony", colony.grpc)
    assert (done.returncode, done.stdout) == (0, "answered 1\n"), done.stderr


def test_events_of_one_run_are_bounded_and_the_limit_is_named(tmp_path: Path, colony: Colony) -> None:
    script = tmp_path / "flood.ts"
    script.write_text(FLOODS)
    started = time.monotonic()
    done = run_coral("run", str(script), "--colony", colony.grpc)
    took = time.monotonic() - started
    assert done.returncode == 0, done.stderr
    assert "EVENTS_PER_SECOND" in done.stdout
    assert EVENTS_AT_ONCE <= count(colony) <= EVENTS_AT_ONCE + took * EVENTS_PER_SECOND < 400


def full(address: str) -> bool:
    """Whether a colony's port for frames has no place for a connection."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), WAIT_SECONDS) as connection:
        connection.settimeout(0.5)
        try:
            return connection.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False


def until(holds: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline, otherwise


def test_who_holds_all_places_for_frames_keeps_nobody_from_asking(tmp_path: Path, colony: Colony) -> None:
    frames = frames_of(colony.grpc)
    assert frames is not None
    assert not full(frames)
    script = tmp_path / "holds.ts"
    script.write_text(HOLDS.replace("@port@", frames.rpartition(":")[2]))
    command = coral_command("run", str(script), "--colony", colony.grpc, "--timeout", "120s")
    hog = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=child_environment())
    try:
        assert hog.stdout is not None
        assert hog.stdout.readline() == "HOLDING\n"
        until(lambda: full(frames), "the attack does not fill the port")
        for _ in range(3):
            done = run_coral("run", str(tmp_path / "asks.ts"), "--colony", colony.grpc)
            assert (done.returncode, done.stdout) == (0, "answered 1\n"), done.stderr
        assert hog.poll() is None
    finally:
        hog.terminate()
        hog.communicate(timeout=WAIT_SECONDS)
    until(lambda: not full(frames), "places stay taken when who held them has gone")
