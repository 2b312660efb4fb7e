"""The words of the Pusher protocol, version 7: what is read from a client and what is sent to one."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

UNKNOWN_APP = 4001
OVER_QUOTA = 4004
UNAUTHORISED = 4009
OVER_CAPACITY = 4100
RECONNECT = 4200
NO_PONG = 4201
CLIENT_EVENT_REFUSED = 4301


class Malformed(ValueError):
    """A client's message is not one of the protocol's."""


@dataclass(frozen=True)
class ClientMessage:
    """One message of a client."""

    event: str
    data: dict[str, Any]
    channel: object = None
    payload: str = ""
    """The data as text, as it is passed on to other clients."""


def parse(text: str | None) -> ClientMessage:
    """Read a client's message."""
    try:
        value = json.loads(text or "")
    except (ValueError, RecursionError):
        raise Malformed("The message is not JSON.") from None
    if not isinstance(value, dict) or not isinstance(value.get("event"), str):
        raise Malformed("The message is not an object with the name of an event.")
    data = value.get("data")
    payload = data if isinstance(data, str) else json.dumps(data)
    return ClientMessage(value["event"], data if isinstance(data, dict) else {}, value.get("channel"), payload)


def new_socket_id() -> str:
    """An identifier of one connection: two numbers with a point between them."""
    return f"{secrets.randbelow(10**9)}.{secrets.randbelow(10**9)}"


def established(socket_id: str, activity_timeout: int) -> str:
    """The first message on a connection."""
    data = {"socket_id": socket_id, "activity_timeout": activity_timeout}
    return _message("pusher:connection_established", data)


def error(code: int, message: str) -> str:
    """Tell the client what is wrong."""
    return _message("pusher:error", {"code": code, "message": message})


def ping() -> str:
    """Ask the client whether it is there."""
    return _message("pusher:ping", {})


def pong() -> str:
    """Answer a client's ping."""
    return _message("pusher:pong", {})


def subscribed(channel: str) -> str:
    """Confirm a subscription."""
    return _message("pusher_internal:subscription_succeeded", {}, channel)


def subscribed_among(channel: str, members: Mapping[str, str]) -> str:
    """Confirm a subscription to a presence channel; a member's information is JSON text."""
    known = ", ".join(f"{json.dumps(user)}: {info}" for user, info in members.items())
    data = f'{{"presence": {{"count": {len(members)}, "ids": {json.dumps(list(members))}, "hash": {{{known}}}}}}}'
    return json.dumps({"event": "pusher_internal:subscription_succeeded", "data": data, "channel": channel})


def member_added(channel: str, user: str, info: str) -> str:
    """Tell about a new member of a presence channel."""
    data = {"user_id": user, "user_info": json.loads(info)}
    return _message("pusher_internal:member_added", data, channel)


def member_removed(channel: str, user: str) -> str:
    """Tell that a member of a presence channel has gone."""
    return _message("pusher_internal:member_removed", {"user_id": user}, channel)


def signed_in(user_data: str) -> str:
    """Confirm that the client is signed in as a user."""
    return _message("pusher:signin_success", {"user_data": user_data})


def event(channel: str, name: str, data: str, user: str | None = None) -> str:
    """An event on a channel; `data` is text already. `user` is the member that sent it, if a client did."""
    message = {"event": name, "channel": channel, "data": data}
    if user is not None:
        message["user_id"] = user
    return json.dumps(message)


def _message(name: str, data: dict[str, Any], channel: str | None = None) -> str:
    """A message of the server's own; its data is JSON text inside JSON, as clients of the protocol expect."""
    message: dict[str, str] = {"event": name, "data": json.dumps(data)}
    if channel is not None:
        message["channel"] = channel
    return json.dumps(message)
