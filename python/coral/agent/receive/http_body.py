"""Bodies of HTTP requests: read in bounded memory and time, and decompressed."""

from __future__ import annotations

import asyncio
import zlib
from typing import Final

from starlette.requests import ClientDisconnect, Request

from coral.errors import CoralError, OverloadedError, UsageError
from coral.limits import HTTP_BODY_SECONDS, MAX_HTTP_BODIES_BYTES, MAX_OTLP_BODY_BYTES

_MAX_GZIP_MEMBERS: Final = 1_000  # of one body; each costs some microseconds however small it is
_CHUNK: Final = 64 * 1024


class HttpError(Exception):
    """A request that is answered with a status of its own."""

    def __init__(self, status: int, error: CoralError) -> None:
        super().__init__(error.message)
        self.status = status
        self.error = error


class Bodies:
    """The bodies that are being read; together they take a bounded amount of memory."""

    def __init__(self) -> None:
        self._size = 0

    async def read(self, request: Request) -> bytes:
        """The body of a request, decompressed, at most `MAX_OTLP_BODY_BYTES` long.

        Raises:
            HttpError: It is too large, too slow, cut short, or encoded in a way that is not understood.
            OverloadedError: Too much is being read already.
        """
        encoding = request.headers.get("content-encoding", "identity").strip().lower() or "identity"
        if encoding not in ("identity", "gzip"):
            message = f"content-encoding is {encoding[:50]!r}, expected gzip or none"
            raise HttpError(415, UsageError(message))
        declared = request.headers.get("content-length", "")
        if declared.isascii() and declared.isdigit() and int(declared[:20]) > MAX_OTLP_BODY_BYTES:
            raise _too_large()
        raw = bytearray()
        try:
            async with asyncio.timeout(HTTP_BODY_SECONDS):
                async for chunk in request.stream():
                    if len(raw) + len(chunk) > MAX_OTLP_BODY_BYTES:
                        raise _too_large()
                    self._take(len(chunk))
                    raw += chunk
            body = bytes(raw)
            return await asyncio.to_thread(gunzip, body) if encoding == "gzip" else body
        except TimeoutError:
            # A network may be slow for a while: the client should try again, so this is no 408.
            message = f"the body took longer than the limit HTTP_BODY_SECONDS ({HTTP_BODY_SECONDS:g} s)"
            raise HttpError(503, OverloadedError(message)) from None
        except ClientDisconnect:
            raise HttpError(400, UsageError("the client went away before the body was complete")) from None
        finally:
            self._size -= len(raw)

    def _take(self, size: int) -> None:
        if self._size + size > MAX_HTTP_BODIES_BYTES:
            raise OverloadedError(
                f"bodies of {self._size} bytes are being read,"
                f" the limit MAX_HTTP_BODIES_BYTES is {MAX_HTTP_BODIES_BYTES}",
                hint="retry later; the sender should back off",
            )
        self._size += size


def gunzip(data: bytes) -> bytes:
    """Decompresses gzip of one or more members; never makes more than `MAX_OTLP_BODY_BYTES`.

    Raises:
        HttpError: It is no gzip, it is cut short, or it is too large.
    """
    parts: list[bytes] = []
    size = position = members = 0
    try:
        while position < len(data) or not members:
            members += 1
            if members > _MAX_GZIP_MEMBERS:
                message = f"the gzip body has more than {_MAX_GZIP_MEMBERS} members"
                raise HttpError(400, UsageError(message))
            member = zlib.decompressobj(wbits=31)
            while not member.eof:
                if position >= len(data):
                    raise HttpError(400, UsageError("the gzip body is cut short"))
                chunk = data[position : position + _CHUNK]
                position += len(chunk)
                while chunk and not member.eof:
                    # One byte more than allowed is enough to know.
                    part = member.decompress(chunk, MAX_OTLP_BODY_BYTES - size + 1)
                    size += len(part)
                    if size > MAX_OTLP_BODY_BYTES:
                        raise _too_large()
                    parts.append(part)
                    chunk = member.unconsumed_tail
            position -= len(member.unused_data)
            while data[position : position + 1] == b"\0":
                position += 1  # padding
    except zlib.error as error:
        raise HttpError(400, UsageError(f"the body is not gzip: {error}")) from error
    return b"".join(parts)


def _too_large() -> HttpError:
    message = f"the body is larger than the limit MAX_OTLP_BODY_BYTES ({MAX_OTLP_BODY_BYTES} bytes)"
    return HttpError(413, UsageError(message, hint="send smaller batches"))
