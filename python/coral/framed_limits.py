"""Limits of the framed transport, which scripts use over a Unix socket: each with its unit and its reason."""

from __future__ import annotations

from typing import Final

MAX_REQUEST_FRAME_BYTES: Final = 512 * 1024
"""One frame from a script: a request (MAX_QUERY_REQUEST_BYTES) and what is around it."""

MAX_RESPONSE_FRAME_BYTES: Final = 40 * 1024 * 1024
"""One frame to a script: the largest answer of gRPC (MAX_FLEET_MESSAGE_BYTES) and what is around it."""

MAX_FRAMED_CONNECTIONS: Final = 16
"""Connections to one run's socket at once. The SDK opens one, and one in each worker that uses it."""

MAX_LOCAL_CONNECTIONS: Final = 128
"""Connections to a colony's loopback port for frames at once: what may be arriving is
MAX_REQUEST_FRAME_BYTES of each, 64 MiB of all. Beyond it scripts take the gRPC port."""

MAX_FRAMED_CALLS: Final = 1_100
"""Calls of one run under way: it may ask about a thousand services at once. Each takes some 10 kB."""

FRAMED_HELLO_SECONDS: Final = 5.0
"""Time for the first frame of a connection, with its token, to arrive."""

FRAMED_ARRIVAL_SECONDS: Final = 10.0
"""Time for a frame that has begun to arrive."""

FRAMED_CALL_SECONDS: Final = 30.0
"""Time for a call that names none."""

FRAMED_CALL_CEILING_SECONDS: Final = 300.0
"""The most that a call may ask for; `db.stream` asks for 90 s."""

FRAMED_CREDIT_BYTES: Final = 1024 * 1024
"""Credit of a stream that names none."""

MAX_FRAMED_CREDIT_BYTES: Final = 64 * 1024 * 1024
"""The most that a stream's credit grows to; what is granted beyond is lost."""

MAX_FRAMED_UNSENT_BYTES: Final = 1024 * 1024
"""Bytes that wait for a script to read them before its further requests are left unread."""

MAX_SOCKET_PATH_BYTES: Final = 107
"""Length of a Unix socket's path: sun_path has 108 bytes with its end."""
