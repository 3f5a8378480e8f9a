"""Frames on a stream of bytes: each preceded by its length, of which nothing is believed but that."""

from __future__ import annotations

import asyncio
import struct
from typing import Final

from google.protobuf.message import DecodeError

from coral._proto.sdk.v1 import runtime_pb2 as pb
from coral.errors import LimitError, UsageError
from coral.framed_limits import MAX_REQUEST_FRAME_BYTES

_LENGTH: Final = struct.Struct(">I")


async def read_frame(reader: asyncio.StreamReader, *, seconds: float) -> pb.RequestFrame:
    """Waits for a frame, for ever; once it has begun, for a time.

    Args:
        reader: The connection.
        seconds: Time from the first byte to the last.

    Raises:
        asyncio.IncompleteReadError: The connection ended.
        LimitError: The frame is too large, or took too long.
        UsageError: It is none.
    """
    first = await reader.readexactly(1)
    try:
        async with asyncio.timeout(seconds):
            (length,) = _LENGTH.unpack(first + await reader.readexactly(_LENGTH.size - 1))
            if length > MAX_REQUEST_FRAME_BYTES:
                raise LimitError(
                    f"a frame of {length} bytes was announced, the limit MAX_REQUEST_FRAME_BYTES is"
                    f" {MAX_REQUEST_FRAME_BYTES}"
                )
            payload = await reader.readexactly(length)
    except TimeoutError:
        raise LimitError(f"a frame did not arrive within {seconds:g} s, FRAMED_ARRIVAL_SECONDS") from None
    try:
        frame = pb.RequestFrame.FromString(payload)
    except DecodeError as error:
        raise UsageError(f"a frame cannot be read: {error}") from None
    if frame.call_id == 0 or frame.WhichOneof("action") is None:
        raise UsageError("a frame names no call, or nothing to do")
    return frame


def encode(frame: pb.ResponseFrame) -> bytes:
    """A frame with its length."""
    payload = frame.SerializeToString()
    return _LENGTH.pack(len(payload)) + payload
