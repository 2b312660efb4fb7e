"""Who is connected, and who hears which channel."""

from __future__ import annotations

import asyncio
from time import monotonic

from pitchbar_app.broadcast import Event
from pitchbar_app.realtime import protocol
from pitchbar_app.realtime.connection import Connection

SWEEP_INTERVAL = 1.0


class Hub:
    """The connections of this process and their subscriptions."""

    def __init__(self, activity_timeout: int) -> None:
        self.draining = False
        self._activity_timeout = activity_timeout
        self._connections: dict[Connection, asyncio.Task[None]] = {}
        self._channels: dict[str, set[Connection]] = {}

    def add(self, connection: Connection, writer: asyncio.Task[None]) -> None:
        """A client has connected; `writer` is the task that sends its messages."""
        self._connections[connection] = writer

    def remove(self, connection: Connection) -> None:
        """A client has gone."""
        for channel in tuple(connection.channels):
            self.unsubscribe(connection, channel)
        self._connections.pop(connection, None)

    def subscribe(self, connection: Connection, channel: str) -> None:
        """Let the client hear the channel."""
        connection.channels.add(channel)
        self._channels.setdefault(channel, set()).add(connection)

    def unsubscribe(self, connection: Connection, channel: str) -> None:
        """Let the client hear the channel no more."""
        connection.channels.discard(channel)
        listeners = self._channels.get(channel, set())
        listeners.discard(connection)
        if not listeners:
            self._channels.pop(channel, None)

    def deliver(self, event: Event) -> None:
        """Send an event to everyone who hears one of its channels."""
        for channel in event.channels:
            listeners = self._channels.get(channel)
            if listeners:
                text = protocol.event(channel, event.name, event.data)
                for connection in tuple(listeners):
                    connection.send(text)

    async def sweep(self) -> None:
        """Ping clients that have been silent, and close those that did not answer; runs until it is cancelled."""
        while True:
            await asyncio.sleep(min(SWEEP_INTERVAL, self._activity_timeout / 4))
            now = monotonic()
            for connection in tuple(self._connections):
                self._look_at(connection, now)

    def _look_at(self, connection: Connection, now: float) -> None:
        if connection.pinged_at is not None:
            if now - connection.pinged_at >= self._activity_timeout:
                connection.close(protocol.NO_PONG, "Pong reply not received")
        elif now - connection.last_heard >= self._activity_timeout:
            connection.pinged_at = now
            connection.send(protocol.ping())

    async def farewell(self, deadline: float) -> None:
        """Ask every client to connect again (to another process), and drop those that do not take the message."""
        self.draining = True
        for connection in tuple(self._connections):
            connection.close(protocol.RECONNECT, "Server is restarting; please reconnect")
        writers = tuple(self._connections.values())
        if writers:
            await asyncio.wait(writers, timeout=deadline)
        for connection, writer in tuple(self._connections.items()):
            if not writer.done():
                connection.drop()
