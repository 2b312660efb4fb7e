"""The conversation with one client, from its handshake to its last message."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import Receive, Scope, Send

from pitchbar_app.broadcast import LONGEST_DATA, LONGEST_NAME, Event
from pitchbar_app.realtime import protocol, signatures
from pitchbar_app.realtime.channels import (
    Refused,
    is_guarded,
    is_presence,
    may_hear,
    parse_member,
    parse_user,
    takes_client_events,
)
from pitchbar_app.realtime.connection import CLIENT_EVENTS, Connection
from pitchbar_app.realtime.hub import Hub
from pitchbar_app.realtime.protocol import ClientMessage, Malformed
from pitchbar_app.realtime.signatures import Credentials
from pitchbar_app.settings import Realtime

MOST_CHANNELS = 100


@dataclass(frozen=True)
class Outside:
    """What a conversation needs from beyond this process."""

    publish: Callable[[Event], bool]
    connections: Callable[[], int]
    """How many clients are connected to the other processes."""


class Sessions:
    """An ASGI application for WebSocket connections: one conversation for each."""

    def __init__(self, realtime: Realtime, hub: Hub, outside: Outside) -> None:
        self._realtime = realtime
        self._credentials = Credentials(realtime.key, realtime.secret)
        self._hub = hub
        self._outside = outside

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Talk with one client until either side ends the connection."""
        await receive()
        await send({"type": "websocket.accept"})
        connection = Connection(scope["state"]["transport"])
        finisher = asyncio.create_task(connection.finish(send))
        self._hub.add(connection, finisher)
        self._welcome(connection, scope["path_params"]["key"])
        try:
            while (message := await receive())["type"] == "websocket.receive":
                connection.heard()
                if not connection.closing:
                    self._answer(connection, message.get("text"))
        finally:
            self._hub.remove(connection)
            finisher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await finisher

    def _welcome(self, connection: Connection, key: str) -> None:
        most = self._realtime.max_connections
        if key != self._realtime.key:
            connection.close(protocol.UNKNOWN_APP, "Application does not exist")
        elif self._hub.draining:
            connection.close(protocol.RECONNECT, "Server is restarting; please reconnect")
        elif most and self._hub.size + self._outside.connections() > most:
            connection.close(protocol.OVER_QUOTA, "Application is over connection quota")
        else:
            connection.send(protocol.established(connection.socket_id, self._realtime.activity_timeout))

    def _answer(self, connection: Connection, text: str | None) -> None:
        try:
            self._handle(connection, protocol.parse(text))
        except Malformed as error:
            connection.send(protocol.error(protocol.RECONNECT, str(error)))
        except Refused as error:
            connection.send(protocol.error(protocol.UNAUTHORISED, str(error)))

    def _handle(self, connection: Connection, message: ClientMessage) -> None:
        match message.event:
            case "pusher:ping":
                connection.send(protocol.pong())
            case "pusher:pong":
                pass
            case "pusher:subscribe":
                self._subscribe(connection, _channel(connection, message), message)
            case "pusher:unsubscribe":
                self._hub.unsubscribe(connection, _channel(connection, message))
            case "pusher:signin":
                self._sign_in(connection, message)
            case event if event.startswith("client-"):
                refusal = self._pass_on(connection, message)
                if refusal is not None:
                    connection.send(protocol.error(protocol.CLIENT_EVENT_REFUSED, refusal))
            case _:
                raise Malformed("The event is not one that a client may send.")

    def _subscribe(self, connection: Connection, channel: str, message: ClientMessage) -> None:
        if channel not in connection.channels and len(connection.channels) >= MOST_CHANNELS:
            refusal = f"A connection can subscribe to at most {MOST_CHANNELS} channels."
            connection.send(protocol.error(protocol.OVER_CAPACITY, refusal))
            return
        described = message.data.get("channel_data")
        member = parse_member(described) if is_presence(channel) else None
        if is_guarded(channel) and not signatures.may_subscribe(
            self._credentials,
            message.data.get("auth"),
            connection.socket_id,
            channel,
            described if isinstance(described, str) else None,
        ):
            raise Refused(f"The signature for the channel {channel} is missing or wrong.")
        self._hub.subscribe(connection, channel, member)

    def _sign_in(self, connection: Connection, message: ClientMessage) -> None:
        """Let the client be a user; a client that is refused is sent away."""
        user_data = message.data.get("user_data")
        try:
            user = parse_user(user_data)
            if not isinstance(user_data, str) or not signatures.may_sign_in(
                self._credentials, message.data.get("auth"), connection.socket_id, user_data
            ):
                raise Refused("The signature of the user is missing or wrong.")
        except Refused as error:
            self._hub.end(connection, protocol.UNAUTHORISED, str(error))
            return
        connection.user = user
        connection.send(protocol.signed_in(user_data))

    def _pass_on(self, connection: Connection, message: ClientMessage) -> str | None:
        """Send a client's event to the others on its channel; the result says why not."""
        channel = message.channel
        if not isinstance(channel, str) or not takes_client_events(channel):
            return "Client events are only for private and presence channels."
        if channel not in connection.channels:
            return "Client events are only for channels that the client is subscribed to."
        if len(message.event) > LONGEST_NAME:
            return f"The name of an event has at most {LONGEST_NAME} characters."
        if len(message.payload.encode(errors="replace")) > LONGEST_DATA:
            return f"The data of an event has at most {LONGEST_DATA} bytes."
        if not connection.allowance.take():
            return f"Too many client events: a client may send {CLIENT_EVENTS} in a second."
        user = self._hub.member_of(connection, channel)
        event = Event((channel,), message.event, message.payload, connection.socket_id, user)
        return None if self._outside.publish(event) else "Too many events are waiting; this one is not sent."


def _channel(connection: Connection, message: ClientMessage) -> str:
    channel = message.data.get("channel")
    if not isinstance(channel, str) or not may_hear(channel, connection.user):
        raise Malformed("The name of the channel is missing or not a name: letters, digits and _-=@,.; up to 200.")
    return channel
