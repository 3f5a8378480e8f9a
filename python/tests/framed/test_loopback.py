"""Frames on a loopback port: a colony's scripts on its own machine take them, and gRPC where they cannot."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coral._proto.colony.v1 import query_pb2_grpc
from coral._proto.sdk.v1 import runtime_pb2 as pb
from coral.config.frames_file import FramesFile, frames_of
from coral.config.token_file import Token, add_token
from coral.demo.launch import Colony
from coral.model.tokens import digest_of, new_token
from coral.serve.authorize import admit_by
from coral.serve.framed import FramedBounds, LoopbackFrames
from coral.testing.processes import run_coral, start_colony

SCRIPT = """
import * as coral from "@coral/sdk";
const rows = await coral.db.query("SELECT table_name FROM coral_tables ORDER BY ALL");
let streamed = 0;
for await (const row of coral.db.stream("SELECT i FROM range(200000) t(i)")) streamed += Number(row.i) >= 0 ? 1 : 0;
await coral.emit("seen", { n: rows.length });
const failed = await coral.db.query("SELECT nothing FROM spans").catch((error) => error);
console.log(JSON.stringify([await coral.services.list(), rows, streamed, failed.code, failed.reason]));
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory that colonies and commands of the test share."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("CORAL_FRAMES", raising=False)
    (tmp_path / "see.ts").write_text(SCRIPT)
    return tmp_path


@pytest.fixture
def colony(here: Path) -> Iterator[Colony]:
    with start_colony(here) as started:
        yield started


def run(folder: Path, colony: str, *options: str) -> str:
    done = run_coral("run", str(folder / "see.ts"), "--colony", colony, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_script_gets_the_same_by_frames_and_by_grpc(
    here: Path, colony: Colony, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = frames_of(colony.grpc)
    assert frames is not None
    assert frames != colony.grpc
    plan = run_coral("run", str(here / "see.ts"), "--colony", colony.grpc, "--dry-run", "-o", "json")
    assert frames in plan.stdout
    by_frames = run(here, colony.grpc)
    monkeypatch.setenv("CORAL_FRAMES", "off")
    assert frames_of(colony.grpc) is None
    assert run(here, colony.grpc) == by_frames
    assert json.loads(by_frames)[2] == 200_000


def test_a_colony_that_is_gone_or_of_others_is_not_asked_by_frames(here: Path) -> None:
    with start_colony(here) as colony:
        assert frames_of(colony.grpc) is not None
        assert frames_of("127.0.0.1:1") is None
        assert frames_of("colony.internal:9000") is None
    assert frames_of(colony.grpc) is None


def test_without_anybody_at_the_port_for_frames_a_script_takes_grpc(
    here: Path, colony: Colony, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = run(here, colony.grpc)
    monkeypatch.setenv("XDG_STATE_HOME", str(here / "other"))
    told = FramesFile(int(colony.grpc.rpartition(":")[2]))
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        told.write(taken.getsockname()[1])
        assert frames_of(colony.grpc) is not None
        assert run(here, colony.grpc) == expected
    told.close()


def test_a_restarted_colony_has_the_port_for_frames_that_it_had(here: Path) -> None:
    with start_colony(here) as first:
        frames = frames_of(first.grpc)
    with start_colony(here, listen=first.grpc) as second:
        assert frames_of(second.grpc) == frames


def test_tokens_and_roles_hold_for_frames(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = here / "tokens.yaml"
    for name, role in (("viewer", "viewer"), ("edge", "agent")):
        token = new_token()
        add_token(str(tokens), Token(name, role, digest_of(token)))
        (here / f"{name}.token").write_text(token)
    with start_colony(here, options=("--token-file", str(tokens))) as colony:
        assert frames_of(colony.grpc) is not None
        run(here, colony.grpc, "--token-file", str(here / "viewer.token"))
        for options, told in (
            ((), "wants a token"),
            (("--token-file", str(here / "edge.token")), "not allowed to the role agent"),
        ):
            done = run_coral("run", str(here / "see.ts"), "--colony", colony.grpc, *options)
            assert done.returncode != 0
            assert told in done.stderr


class Client:
    """Speaks frames without the SDK."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self, method: str, token: str = "") -> Any:
        frame = pb.RequestFrame(call_id=1, call=pb.Call(method=method, token=token)).SerializeToString()
        self._writer.write(struct.pack(">I", len(frame)) + frame)
        (length,) = struct.unpack(">I", await self._reader.readexactly(4))
        return pb.ResponseFrame.FromString(await self._reader.readexactly(length))

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


def test_only_calls_of_the_table_and_only_so_many_connections() -> None:
    async def check() -> None:
        server = LoopbackFrames(admit=admit_by(None), bounds=FramedBounds(connections=1))
        query_pb2_grpc.add_QueryServiceServicer_to_server(
            query_pb2_grpc.QueryServiceServicer(), server.registry
        )
        port = await server.start()
        first = Client(*await asyncio.open_connection("127.0.0.1", port))
        unknown = await first.ask("coral.colony.v1.FleetService/Connect")
        assert (unknown.end.code, "not allowed" in unknown.end.message) == (7, True)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b""
        writer.close()
        assert (await first.ask("coral.colony.v1.QueryService/Nothing")).end.code == 7
        await first.close()
        await server.close()

    asyncio.run(check())
