"""The conversation with one client, from its handshake to its last message."""

from __future__ import annotations

import asyncio
import contextlib

from starlette.types import Receive, Scope, Send

from pitchbar_app.broadcast import CHANNEL
from pitchbar_app.realtime import protocol
from pitchbar_app.realtime.connection import Connection
from pitchbar_app.realtime.hub import Hub
from pitchbar_app.realtime.protocol import ClientMessage, Malformed
from pitchbar_app.settings import Realtime

MOST_CHANNELS = 100
GUARDED = ("private-", "presence-")


class Sessions:
    """An ASGI application for WebSocket connections: one conversation for each."""

    def __init__(self, realtime: Realtime, hub: Hub) -> None:
        self._realtime = realtime
        self._hub = hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Talk with one client until either side ends the connection."""
        await receive()
        await send({"type": "websocket.accept"})
        connection = Connection(scope["state"]["transport"])
        writer = asyncio.create_task(connection.write(send))
        self._hub.add(connection, writer)
        self._welcome(connection, scope["path_params"]["key"])
        try:
            while (message := await receive())["type"] == "websocket.receive":
                connection.heard()
                self._answer(connection, message.get("text"))
        finally:
            self._hub.remove(connection)
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writer

    def _welcome(self, connection: Connection, key: str) -> None:
        if key != self._realtime.key:
            connection.close(protocol.UNKNOWN_APP, "Application does not exist")
        elif self._hub.draining:
            connection.close(protocol.RECONNECT, "Server is restarting; please reconnect")
        else:
            connection.send(protocol.established(connection.socket_id, self._realtime.activity_timeout))

    def _answer(self, connection: Connection, text: str | None) -> None:
        try:
            self._handle(connection, protocol.parse(text))
        except Malformed as error:
            connection.send(protocol.error(protocol.RECONNECT, str(error)))

    def _handle(self, connection: Connection, message: ClientMessage) -> None:
        match message.event:
            case "pusher:ping":
                connection.send(protocol.pong())
            case "pusher:pong":
                pass
            case "pusher:subscribe":
                self._subscribe(connection, _channel(message))
            case "pusher:unsubscribe":
                self._hub.unsubscribe(connection, _channel(message))
            case event if event.startswith("client-"):
                refusal = "Client events are only for private and presence channels."
                connection.send(protocol.error(protocol.CLIENT_EVENT_REFUSED, refusal))
            case _:
                raise Malformed("The event is not one that a client may send.")

    def _subscribe(self, connection: Connection, channel: str) -> None:
        if channel.startswith(GUARDED):
            refusal = "This server has public channels only."
            connection.send(protocol.error(protocol.UNAUTHORISED, refusal))
        elif channel not in connection.channels and len(connection.channels) >= MOST_CHANNELS:
            refusal = f"A connection can subscribe to at most {MOST_CHANNELS} channels."
            connection.send(protocol.error(protocol.OVER_CAPACITY, refusal))
        else:
            self._hub.subscribe(connection, channel)
            connection.send(protocol.subscribed(channel))


def _channel(message: ClientMessage) -> str:
    channel = message.data.get("channel")
    if not isinstance(channel, str) or not CHANNEL.fullmatch(channel):
        raise Malformed("The name of the channel is missing or not a name: letters, digits and _-=@,.; up to 200.")
    return channel
