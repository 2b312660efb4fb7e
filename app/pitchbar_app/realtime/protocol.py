"""The words of the Pusher protocol, version 7: what is read from a client and what is sent to one."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any

UNKNOWN_APP = 4001
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


def parse(text: str | None) -> ClientMessage:
    """Read a client's message."""
    try:
        value = json.loads(text or "")
    except (ValueError, RecursionError):
        raise Malformed("The message is not JSON.") from None
    if not isinstance(value, dict) or not isinstance(value.get("event"), str):
        raise Malformed("The message is not an object with the name of an event.")
    data = value.get("data")
    return ClientMessage(value["event"], data if isinstance(data, dict) else {})


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


def event(channel: str, name: str, data: str) -> str:
    """An event on a channel; `data` is text already."""
    return json.dumps({"event": name, "channel": channel, "data": data})


def _message(name: str, data: dict[str, Any], channel: str | None = None) -> str:
    """A message of the server's own; its data is JSON text inside JSON, as clients of the protocol expect."""
    message: dict[str, str] = {"event": name, "data": json.dumps(data)}
    if channel is not None:
        message["channel"] = channel
    return json.dumps(message)
