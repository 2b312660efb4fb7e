"""The client's and the server's side of the Pusher protocol, as far as the tests speak it by hand."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import socket
import struct
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from websockets.sync.client import ClientConnection

from tests.app.processes import SECRETS, Answer, Process, receive, send
from tests.support.processes import PATIENCE

KEY, SECRET = "public-key", SECRETS["REVERB_APP_SECRET"]
SUCCEEDED = "pusher_internal:subscription_succeeded"
ADDED, REMOVED = "pusher_internal:member_added", "pusher_internal:member_removed"


def hexdigest(text: str, secret: str = SECRET) -> str:
    """What the protocol calls a signature."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def connect(process: Process) -> tuple[ClientConnection, str]:
    """A connection that has been greeted, and its socket id."""
    client = process.connect()
    return client, receive(client)["data"]["socket_id"]


def unanswering(process: Process) -> tuple[socket.socket, str]:
    """A connection that has been greeted, and its socket id. The test reads and writes its frames itself: it answers
    neither a ping nor a close."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE)
    connection.connect(str(process.address))
    key = base64.b64encode(os.urandom(16)).decode()
    connection.sendall(
        f"GET /app/{KEY} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    [socket_id] = re.findall(rb"socket_id\D+(\d+\.\d+)", read_until(connection, b"activity_timeout"))
    return connection, socket_id.decode()


def read_until(connection: socket.socket, what: bytes) -> bytes:
    """All that arrives until this is in it."""
    read = b""
    while what not in read:
        part = connection.recv(4096)
        assert part, f"the connection ended before {what!r}: {read!r}"
        read += part
    return read


def frame(text: str) -> bytes:
    """A message as a client sends it."""
    data = text.encode()
    length = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack("!H", len(data))
    return b"\x81" + length + bytes(4) + data


def join(client: ClientConnection, socket_id: str, channel: str, user: str | None = None, info: Any = None) -> None:
    """Ask to subscribe to a private channel, or to a presence channel as this user, with the right signature."""
    send(client, "pusher:subscribe", **subscription(socket_id, channel, user, info))


def subscription(socket_id: str, channel: str, user: str | None = None, info: Any = None) -> dict[str, str]:
    """What such a subscription says."""
    if user is None:
        return {"channel": channel, "auth": f"{KEY}:{hexdigest(f'{socket_id}:{channel}')}"}
    data = json.dumps({"user_id": user, "user_info": info})
    return {"channel": channel, "auth": f"{KEY}:{hexdigest(f'{socket_id}:{channel}:{data}')}", "channel_data": data}


def joined(process: Process, channel: str, user: str | None = None, info: Any = None) -> ClientConnection:
    """A connection that is subscribed."""
    client, socket_id = connect(process)
    join(client, socket_id, channel, user, info)
    assert receive(client)["event"] == SUCCEEDED
    return client


def present(process: Process, channel: str, user: str, info: Any = None) -> tuple[ClientConnection, list[str]]:
    """A connection that is a member of a presence channel, and the ids of all members at that moment."""
    client, socket_id = connect(process)
    join(client, socket_id, channel, user, info)
    message = receive(client)
    assert message["event"] == SUCCEEDED
    presence = message["data"]["presence"]
    assert presence["count"] == len(presence["ids"]) == len(presence["hash"])
    return client, sorted(presence["ids"])


def sign_in(client: ClientConnection, socket_id: str, user: str) -> None:
    """Be a user from now on."""
    data = json.dumps({"id": user})
    send(client, "pusher:signin", user_data=data, auth=f"{KEY}:{hexdigest(f'{socket_id}::user::{data}')}")
    assert receive(client) == {"event": "pusher:signin_success", "data": {"user_data": data}}


def silent(client: ClientConnection, seconds: float = 0.3) -> bool:
    """Whether nothing arrives for a while."""
    with suppress(TimeoutError):
        raise AssertionError(f"this arrived: {client.recv(timeout=seconds)!r}")
    return True


def signed(
    method: str, path: str, body: str = "", parameters: Mapping[str, str] | None = None, **changes: str | None
) -> str:
    """A path of the HTTP API with its signed query; `changes` to the query are made after signing it."""
    query = dict(parameters or {})
    query |= {"auth_key": KEY, "auth_timestamp": str(int(time.time())), "auth_version": "1.0"}
    if body:
        query["body_md5"] = hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()
    for name in ("auth_key", "auth_timestamp", "auth_version", "body_md5"):
        if (value := changes.pop(f"signed_{name}", None)) is not None:
            query[name] = value
    text = "&".join(f"{name}={value}" for name, value in sorted(query.items()))
    query["auth_signature"] = hexdigest(f"{method}\n{path}\n{text}")
    sent = {name: value for name, value in (query | changes).items() if value is not None}
    return path + "?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in sent.items())


def api(
    process: Process, method: str, path: str, value: Any = None, parameters: Mapping[str, str] | None = None
) -> Answer:
    """One call of the HTTP API."""
    body, app_id = "" if value is None else json.dumps(value), process.environment["REVERB_APP_ID"]
    return process.request(method, signed(method, f"/apps/{app_id}{path}", body, parameters), body or None)


def trigger(process: Process, channel: str, name: str, data: Any, **more: Any) -> Answer:
    """Send an event over the HTTP API."""
    return api(process, "POST", "/events", {"name": name, "channel": channel, "data": json.dumps(data), **more})


def user_count(process: Process, channel: str) -> int:
    """How many users a presence channel has, as this process says."""
    answer = api(process, "GET", f"/channels/{channel}", parameters={"info": "user_count"})
    assert answer.status == 200, answer.body
    return int(answer.json["user_count"])


def members(process: Process, channel: str) -> list[str]:
    """The ids of the members of a presence channel, as this process says."""
    users = api(process, "GET", f"/channels/{channel}/users").json["users"]
    return sorted(user["id"] for user in users)


def eventually(check: Callable[[], Any], expected: Any, seconds: float = PATIENCE) -> None:
    """Ask until the answer is the expected one."""
    deadline = time.monotonic() + seconds
    while (found := check()) != expected:
        assert time.monotonic() < deadline, f"{found!r} is not {expected!r}"
        time.sleep(0.05)
