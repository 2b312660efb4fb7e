"""The client's side of Pusher protocol 7, as far as the checks need it: connect, subscribe, wait for an event."""

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from infra.endpoints import CheckFailed, Endpoint, describe, websocket

if TYPE_CHECKING:
    from websocket import WebSocket

_SHORTEST_SECONDS = 0.001
"""Zero would mean "don't wait" to the socket, and something that has arrived may take a moment to be read."""


def application_path(key: str) -> str:
    """The path that an application's clients connect to."""
    return f"/app/{quote(key, safe='')}?protocol=7&client=pitchbar-verify&version=1"


@contextlib.contextmanager
def subscribed(endpoint: Endpoint, key: str, channel: str, timeout: float) -> Iterator["WebSocket"]:
    """A connection that is established and subscribed to a public channel."""
    deadline = time.monotonic() + timeout
    with websocket(endpoint, application_path(key), timeout=timeout) as connection:
        await_event(endpoint, connection, "pusher:connection_established", deadline)
        send(connection, "pusher:subscribe", {"channel": channel})
        await_event(endpoint, connection, "pusher_internal:subscription_succeeded", deadline)
        yield connection


def send(connection: "WebSocket", event: str, data: Mapping[str, Any]) -> None:
    """Send an event; where the connection is closed, the receive that follows says why."""
    from websocket import WebSocketException

    with contextlib.suppress(OSError, WebSocketException):
        connection.send(json.dumps({"event": event, "data": data}))


def await_event(endpoint: Endpoint, connection: "WebSocket", wanted: str, deadline: float) -> Mapping[str, Any]:
    """The next event of this name; raises `CheckFailed` at the deadline."""
    event = poll_event(endpoint, connection, wanted, deadline)
    if event is None:
        raise CheckFailed(f"{describe(endpoint, scheme='ws')} did not send the event {wanted!r} in time.")
    return event


def poll_event(endpoint: Endpoint, connection: "WebSocket", wanted: str, deadline: float) -> Mapping[str, Any] | None:
    """The next event of this name, or None at the deadline; an error of the server raises `CheckFailed`."""
    while (event := next_event(endpoint, connection, deadline)) is not None:
        if event.get("event") == wanted:
            return event
        if event.get("event") == "pusher:error":
            data = event_data(event)
            where = describe(endpoint, scheme="ws")
            raise CheckFailed(
                f"{where} answered with error {data.get('code')}: {str(data.get('message')).rstrip('.')}."
            )
    return None


def next_event(endpoint: Endpoint, connection: "WebSocket", deadline: float) -> Mapping[str, Any] | None:
    """Whatever comes next, or None at the deadline."""
    from websocket import ABNF, WebSocketException, WebSocketTimeoutException

    where = describe(endpoint, scheme="ws")
    connection.settimeout(max(_SHORTEST_SECONDS, deadline - time.monotonic()))
    try:
        kind, data = connection.recv_data()
    except WebSocketTimeoutException:
        return None
    except (OSError, WebSocketException):
        raise CheckFailed(f"{where} closed the connection (without a code).") from None
    if kind == ABNF.OPCODE_CLOSE:
        code = int.from_bytes(data[:2], "big") if len(data) >= 2 else "without a code"
        raise CheckFailed(f"{where} closed the connection ({code}).")
    try:
        event = json.loads(data)
    except ValueError:
        event = None
    if not isinstance(event, dict):
        raise CheckFailed(f"{where} sent something that is not an event.")
    return event


def event_data(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """An event's data, which in this protocol is JSON inside a JSON string."""
    data = event.get("data")
    if isinstance(data, str):
        try:
            data = json.loads(data)
        except ValueError:
            return {}
    return data if isinstance(data, dict) else {}
