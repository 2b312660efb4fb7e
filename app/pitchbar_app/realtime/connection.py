"""One client's connection: what is sent to it, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Awaitable, Callable
from time import monotonic

from pitchbar_app.realtime import protocol
from pitchbar_app.realtime.rate import Allowance

CLIENT_EVENTS = 10
"""How many events a client may send in a second."""
LONGEST_OUTBOX = 1_000_000
Send = Callable[[dict[str, object]], Awaitable[None]]


def frame(text: str) -> bytes:
    """A message as it travels over a WebSocket; made once for all who hear it."""
    data = text.encode()
    if len(data) < 126:
        return bytes((0x81, len(data))) + data
    if len(data) < 1 << 16:
        return b"\x81\x7e" + struct.pack("!H", len(data)) + data
    return b"\x81\x7f" + struct.pack("!Q", len(data)) + data


class Connection:
    """A client; `send` never waits: a client that does not read what it is sent is dropped instead."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.socket_id = protocol.new_socket_id()
        self.channels: set[str] = set()
        self.user: str | None = None
        self.allowance = Allowance(CLIENT_EVENTS)
        self.last_heard = monotonic()
        self.pinged_at: float | None = None
        self._transport = transport
        self._close: tuple[int, str] | None = None
        self._ending = asyncio.Event()

    @property
    def closing(self) -> bool:
        """Whether the connection is ending: what the client still says counts no more."""
        return self._close is not None

    def heard(self) -> None:
        """Note that the client has said something."""
        self.last_heard = monotonic()
        self.pinged_at = None

    def send(self, text: str) -> None:
        """Send one message."""
        self.send_frame(frame(text))

    def send_frame(self, data: bytes) -> None:
        """Send a message that `frame` made, or drop the client when it has too much waiting.

        The bytes go to the transport itself: for hundreds of clients that takes half as long as the way through ASGI.
        """
        if self._close is not None or self._transport.is_closing():
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > LONGEST_OUTBOX:
            self.drop()

    def close(self, code: int, reason: str) -> None:
        """Say why, and close when everything before it is sent."""
        self.send(protocol.error(code, reason))
        if self._close is None:
            self._close = (code, reason)
            self._ending.set()

    def drop(self) -> None:
        """End the connection at once, without a word: the client does not listen."""
        self._close = (protocol.OVER_CAPACITY, "")
        self._ending.set()
        self._transport.abort()

    async def finish(self, send: Send) -> None:
        """Wait until the connection is to be closed, and close it as soon as the client has read enough."""
        await self._ending.wait()
        with contextlib.suppress(OSError):
            if self._close is not None and not self._transport.is_closing():
                code, reason = self._close
                await send({"type": "websocket.close", "code": code, "reason": reason})
