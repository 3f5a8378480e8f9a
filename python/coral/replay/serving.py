"""The process that serves a recording: `python -m coral.replay.serving FILE`.

It reads commands from stdin, a JSON object a line, and answers each with one: `{"open": NAME}` with a socket
and its token, `{"close": SOCKET}` with the events that were emitted meanwhile. It ends with its stdin.
Scripts run elsewhere: no process that runs one has the data open.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from coral._proto.colony.v1 import query_pb2 as pb
from coral._proto.colony.v1 import query_pb2_grpc
from coral._proto.sdk.v1 import runtime_pb2_grpc
from coral.clock import AskedClock, FixedClock
from coral.errors import CoralError
from coral.query.api import QueryApi
from coral.query.helpers import Helpers
from coral.query.servicer import QueryServicer
from coral.replay.events import ReplayRuntime
from coral.replay.recording import Recording, read_recording
from coral.replay.store import RecordingPool, RecordingRecords, RecordingStore
from coral.serve.framed import Endpoint, FramedServer
from coral.serve.logs import configure_logs


async def serve(recording: Recording) -> None:
    """Serves a recording until stdin ends."""
    clock = AskedClock(FixedClock(recording.recorded_at))
    store = RecordingStore(recording, clock)
    pool = RecordingPool(recording)
    runtime = ReplayRuntime()
    api = QueryApi(
        store,
        Helpers(store, clock),
        pool,
        RecordingRecords(),
        completeness=lambda: pb.Completeness(notes=recording.notes),
        samples_traces=True,
    )
    try:
        with tempfile.TemporaryDirectory(prefix="coral-") as parent:
            async with FramedServer(takes_time=True) as server:
                query_pb2_grpc.add_QueryServiceServicer_to_server(QueryServicer(api), server.registry)
                runtime_pb2_grpc.add_RuntimeServiceServicer_to_server(runtime, server.registry)
                about = {
                    "start_time": recording.start.isoformat(),
                    "recorded_at": recording.recorded_at.isoformat(),
                }
                await _follow(server, Path(parent), runtime, about)
    finally:
        await pool.close()
        store.close()


async def _follow(server: FramedServer, parent: Path, runtime: ReplayRuntime, about: dict[str, str]) -> None:
    endpoints: dict[str, Endpoint] = {}
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(commands), sys.stdin
    )
    _say(about)
    while line := await commands.readline():
        command = json.loads(line)
        if "open" in command:
            endpoint = await server.open(parent, caller=command["open"])
            endpoints[str(endpoint.path)] = endpoint
            _say({"socket": str(endpoint.path), "token": endpoint.token})
        else:
            await endpoints.pop(command["close"]).close()
            _say({"events": runtime.take()})


def _say(answer: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Serves the file that the command line names; an error is told as the first answer."""
    # That a query is slow is an operator's business, and there is none.
    configure_logs(level="error", style="text")
    try:
        asyncio.run(serve(read_recording(Path(sys.argv[1]))))
    except CoralError as error:
        _say({"error": type(error).__name__, "message": error.message, "hint": error.hint or ""})
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
