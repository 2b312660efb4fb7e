"""One client's connection: a bounded queue of messages and the task that sends them."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from time import monotonic

from pitchbar_app.realtime import protocol
from pitchbar_app.realtime.rate import Allowance

CLIENT_EVENTS = 10
"""How many events a client may send in a second."""
LONGEST_OUTBOX = 1_000_000
Send = Callable[[dict[str, object]], Awaitable[None]]


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
        self._outbox: deque[str] = deque()
        self._size = 0
        self._close: tuple[int, str] | None = None
        self._wake = asyncio.Event()

    @property
    def closing(self) -> bool:
        """Whether the connection is ending: what the client still says counts no more."""
        return self._close is not None

    def heard(self) -> None:
        """Note that the client has said something."""
        self.last_heard = monotonic()
        self.pinged_at = None

    def send(self, text: str) -> None:
        """Put a message into the queue, or drop the client when it has too much waiting."""
        if self._close is not None:
            return
        self._outbox.append(text)
        self._size += len(text)
        if self._size > LONGEST_OUTBOX:
            self.drop()
        self._wake.set()

    def close(self, code: int, reason: str) -> None:
        """Say why, and close when everything before it is sent."""
        self.send(protocol.error(code, reason))
        if self._close is None:
            self._close = (code, reason)
            self._wake.set()

    def drop(self) -> None:
        """End the connection at once, without a word: the client does not listen."""
        self._close = (protocol.OVER_CAPACITY, "")
        self._outbox.clear()
        self._size = 0
        self._transport.abort()

    async def write(self, send: Send) -> None:
        """Send what is in the queue until the connection is closed."""
        with contextlib.suppress(OSError):
            while self._outbox or self._close is None:
                await self._wake.wait()
                self._wake.clear()
                while self._outbox:
                    text = self._outbox.popleft()
                    self._size -= len(text)
                    await send({"type": "websocket.send", "text": text})
            code, reason = self._close
            if not self._transport.is_closing():
                await send({"type": "websocket.close", "code": code, "reason": reason})
