"""The realtime server: the Pusher protocol, broadcasts, and clients that misbehave."""

from __future__ import annotations

import json
import re
import socket
import struct
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from infra import wiring
from tests.app.processes import Launcher, Process, publish, receive, send, subscribe
from tests.app.pusher_protocol import frame, read_until, unanswering
from tests.support.processes import PATIENCE
from tests.support.services import Redis


def test_health(realtime: Process) -> None:
    assert realtime.get("/up").json == {"status": "up", "release": "r-1", "process": "realtime"}
    assert realtime.get("/ready").json == {
        "status": "ready",
        "release": "r-1",
        "process": "realtime",
        "checks": {"redis": "ok"},
    }


def test_handshake(realtime: Process) -> None:
    message = receive(realtime.connect())
    assert message["event"] == "pusher:connection_established"
    assert re.fullmatch(r"\d+\.\d+", message["data"]["socket_id"])
    assert message["data"]["activity_timeout"] == 30


def test_unknown_key(realtime: Process) -> None:
    client = realtime.connect("another-key")
    assert receive(client) == {"event": "pusher:error", "data": {"code": 4001, "message": "Application does not exist"}}
    with pytest.raises(ConnectionClosed) as closed:
        client.recv(timeout=PATIENCE)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "Application does not exist")


def test_ping(realtime: Process) -> None:
    client = realtime.connect()
    receive(client)
    send(client, "pusher:ping")
    assert receive(client) == {"event": "pusher:pong", "data": {}}
    assert client.ping().wait(PATIENCE)


def test_events_reach_subscribers_only(realtime: Process, redis: Redis) -> None:
    hears, other = realtime.connect(), realtime.connect()
    subscribe(hears, "news")
    subscribe(other, "weather")
    publish(redis, "news", "headline", {"text": "ÄÖ — 🎉"})
    publish(redis, "weather", "rain", {})
    assert receive(hears) == {"event": "headline", "channel": "news", "data": {"text": "ÄÖ — 🎉"}}
    assert receive(other) == {"event": "rain", "channel": "weather", "data": {}}


def test_unsubscribed_client_hears_nothing(realtime: Process, redis: Redis) -> None:
    client = realtime.connect()
    subscribe(client, "once")
    send(client, "pusher:unsubscribe", channel="once")
    send(client, "pusher:ping")
    assert receive(client)["event"] == "pusher:pong"
    publish(redis, "once", "lost", {})
    send(client, "pusher:subscribe", channel="twice")
    assert receive(client)["event"] == "pusher_internal:subscription_succeeded"
    publish(redis, "twice", "heard", {})
    assert receive(client)["event"] == "heard"


def test_fan_out_to_fifty_clients(realtime: Process, redis: Redis) -> None:
    clients = [realtime.connect() for _ in range(50)]
    for client in clients:
        subscribe(client, "everyone")
    for number in range(20):
        publish(redis, "everyone", "count", number)
    for client in clients:
        assert [receive(client)["data"] for _ in range(20)] == list(range(20))
        client.close()


@pytest.mark.parametrize(
    ("text", "code", "error"),
    [
        ("not json", 4200, "The message is not JSON."),
        ("[" * 50_000, 4200, "The message is not JSON."),
        ("[]", 4200, "The message is not an object with the name of an event."),
        ('{"event": 1}', 4200, "The message is not an object with the name of an event."),
        (b"\x00\x01", 4200, "The message is not JSON."),
        ('{"event": "pusher:unheard-of"}', 4200, "The event is not one that a client may send."),
        (
            '{"event": "pusher:subscribe", "data": {"channel": "no spaces"}}',
            4200,
            "The name of the channel is missing or not a name: letters, digits and _-=@,.; up to 200.",
        ),
        (
            '{"event": "pusher:subscribe", "data": "x"}',
            4200,
            "The name of the channel is missing or not a name: letters, digits and _-=@,.; up to 200.",
        ),
        (
            '{"event": "pusher:subscribe", "data": {"channel": "private-x"}}',
            4009,
            "The signature for the channel private-x is missing or wrong.",
        ),
        (
            '{"event": "client-typing", "channel": "x", "data": {}}',
            4301,
            "Client events are only for private and presence channels.",
        ),
    ],
)
def test_message_that_is_not_of_the_protocol(realtime: Process, text: str | bytes, code: int, error: str) -> None:
    client = realtime.connect()
    receive(client)
    client.send(text)
    assert receive(client) == {"event": "pusher:error", "data": {"code": code, "message": error}}
    send(client, "pusher:ping")
    assert receive(client)["event"] == "pusher:pong"


def test_too_many_channels(realtime: Process) -> None:
    client = realtime.connect()
    receive(client)
    for number in range(101):
        send(client, "pusher:subscribe", channel=f"c{number}")
    answers = [receive(client) for _ in range(101)]
    assert {answer["event"] for answer in answers[:100]} == {"pusher_internal:subscription_succeeded"}
    refusal = "A connection can subscribe to at most 100 channels."
    assert answers[100] == {"event": "pusher:error", "data": {"code": 4100, "message": refusal}}


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x81\x02hi", 1002),  # not masked
        (b"\xf1\x80\x00\x00\x00\x00", 1002),  # reserved bits
        (b"\x83\x80\x00\x00\x00\x00", 1002),  # an opcode that does not exist
        (b"\x81\x82\x00\x00\x00\x00\xff\xfe", 1007),  # text that is not UTF-8
        (b"\x81\xff" + struct.pack("!Q", 1 << 40) + b"\x00\x00\x00\x00", 1009),  # a message of a terabyte
        (b"\x89\xfe\x00\x80\x00\x00\x00\x00" + b"x" * 128, 1002),  # a ping that is too long
    ],
)
def test_malformed_frame_ends_that_connection_only(realtime: Process, frame: bytes, code: int) -> None:
    connection, _ = unanswering(realtime)
    with connection:
        connection.sendall(frame)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert received[-2 - _reason_length(received) :][:2] == struct.pack("!H", code)
    assert realtime.get("/up").status == 200


@pytest.mark.parametrize("start", [b"garbage\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"GET /app/key HTTP/1.1\r\n"])
def test_broken_handshake(realtime: Process, start: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(str(realtime.address))
        connection.sendall(start)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(4096)
    assert realtime.get("/up").status == 200


def test_plain_request_for_a_socket_is_refused(realtime: Process) -> None:
    assert realtime.get("/app/public-key").status == 404


def test_silent_client_is_pinged_and_then_closed(app: Launcher) -> None:
    realtime = app.start("realtime", wait="/ready", REVERB_APP_ACTIVITY_TIMEOUT="3")
    silent, answering = realtime.connect(), realtime.connect()
    assert receive(silent)["data"]["activity_timeout"] == 3
    receive(answering)
    assert receive(silent) == receive(answering) == {"event": "pusher:ping", "data": {}}
    send(answering, "pusher:pong")
    assert receive(silent) == {"event": "pusher:error", "data": {"code": 4201, "message": "Pong reply not received"}}
    with pytest.raises(ConnectionClosed) as closed:
        silent.recv(timeout=PATIENCE)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 4201
    send(answering, "pusher:ping")
    assert {receive(answering)["event"], receive(answering)["event"]} <= {"pusher:pong", "pusher:ping"}


def test_client_that_does_not_read_is_dropped_and_costs_no_memory(app: Launcher, redis: Redis) -> None:
    realtime = app.start("realtime", wait="/ready")
    good = realtime.connect()
    subscribe(good, "flood")
    before = _memory(realtime)
    slow, _ = unanswering(realtime)
    with slow:
        slow.sendall(frame(json.dumps({"event": "pusher:subscribe", "data": {"channel": "flood"}})))
        read_until(slow, b"subscription_succeeded")
        for number in range(400):
            publish(redis, "flood", "block", {"number": number, "text": "x" * 9000})
            assert receive(good)["data"]["number"] == number
        slow.settimeout(PATIENCE)
        received = 0
        try:
            while part := slow.recv(1 << 20):
                received += len(part)
        except ConnectionResetError:
            pass
    assert received < 400 * 9000
    assert _memory(realtime) - before < 20_000


def test_broadcasts_resume_after_a_restart_of_redis(app: Launcher, redis: Redis) -> None:
    realtime = app.start("realtime", wait="/ready")
    client = realtime.connect()
    subscribe(client, "news")
    publish(redis, "news", "before", {})
    assert receive(client)["event"] == "before"
    redis.kill()
    realtime.wait_until("/ready", 503)
    redis.start()
    realtime.wait_until("/ready")
    publish(redis, "news", "after", {})
    assert receive(client)["event"] == "after"


def test_what_is_not_an_event_is_left_out(realtime: Process, redis: Redis) -> None:
    client = realtime.connect()
    subscribe(client, "news")
    wrong_channel = '{"channels": [1], "event": "e", "data": "1"}'
    for rubbish in ("no json", "[]", '{"channels": "news"}', b"\xff\xfe", wrong_channel):
        redis.execute("PUBLISH", f"pitchbar:realtime:{wiring.REALTIME_APP_ID}", rubbish)
    publish(redis, "news", "good", {})
    assert receive(client)["event"] == "good"


def test_sigterm_asks_every_client_to_reconnect(app: Launcher) -> None:
    realtime = app.start("realtime", wait="/ready")
    clients = [realtime.connect() for _ in range(20)]
    for client in clients:
        receive(client)
    silent, _ = unanswering(realtime)
    with silent:  # a client that never answers a close
        assert realtime.stop()[0] == 0
    message = "Server is restarting; please reconnect"
    for client in clients:
        assert receive(client) == {"event": "pusher:error", "data": {"code": 4200, "message": message}}
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=PATIENCE)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4200, message)
    assert not realtime.address.exists()


def test_sigterm_does_not_wait_for_a_client_that_does_not_read(app: Launcher, redis: Redis) -> None:
    realtime = app.start("realtime", wait="/ready")
    slow, _ = unanswering(realtime)
    with slow:
        slow.sendall(frame(json.dumps({"event": "pusher:subscribe", "data": {"channel": "flood"}})))
        read_until(slow, b"subscription_succeeded")
        for _ in range(60):
            publish(redis, "flood", "block", "x" * 9000)
        assert realtime.stop()[0] == 0


def _reason_length(received: bytes) -> int:
    """How long the reason in the close frame at the end is."""
    start = received.rindex(b"\x88")
    return received[start + 1] - 2


def _memory(process: Process) -> int:
    """The resident memory in kB."""
    status = Path(f"/proc/{process.popen.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])
