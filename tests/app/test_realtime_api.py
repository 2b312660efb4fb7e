"""The HTTP API of the realtime server, called by hand."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.app.processes import Launcher, Process, receive
from tests.app.pusher_protocol import (
    ADDED,
    KEY,
    REMOVED,
    api,
    connect,
    frame,
    join,
    joined,
    present,
    read_until,
    sign_in,
    signed,
    silent,
    subscription,
    trigger,
    unanswering,
)
from tests.support.processes import PATIENCE, wait_until
from tests.support.services import Redis

APP_ID = "api"
EVENTS = f"/apps/{APP_ID}/events"
EVENT = json.dumps({"name": "e", "channel": "c", "data": "{}"})


@pytest.fixture(scope="module")
def realtime(shared: Launcher) -> Process:
    """A server of an application that no other module's tests leave anything behind in."""
    return shared.start("realtime", wait="/ready", REVERB_APP_ID=APP_ID)


@pytest.fixture(autouse=True)
def ended(realtime: Process) -> Iterator[None]:
    """Every connection of a test ends with it."""
    yield
    realtime.sockets.close()


def test_an_event_for_several_channels_spares_its_sender(realtime: Process) -> None:
    first, second = joined(realtime, "private-1"), joined(realtime, "private-2")
    sender, socket_id = connect(realtime)
    join(sender, socket_id, "private-1")
    assert receive(sender)["event"] == "pusher_internal:subscription_succeeded"
    value = {"name": "news", "channels": ["private-1", "private-2"], "data": '"ü"', "socket_id": socket_id}
    answer = api(realtime, "POST", "/events", value)
    assert (answer.status, answer.json) == (200, {})
    assert receive(first) == {"event": "news", "channel": "private-1", "data": "ü"}
    assert receive(second) == {"event": "news", "channel": "private-2", "data": "ü"}
    assert silent(sender)


def test_counts_with_an_event(realtime: Process) -> None:
    present(realtime, "presence-i", "ada")
    present(realtime, "presence-i", "ada")
    joined(realtime, "private-i")
    value = {"name": "e", "channels": ["presence-i", "private-i", "nobody"], "data": "{}"}
    answer = api(realtime, "POST", "/events", value | {"info": "user_count,subscription_count"})
    assert answer.json == {
        "channels": {
            "presence-i": {"user_count": 1, "subscription_count": 2},
            "private-i": {"subscription_count": 1},
            "nobody": {"subscription_count": 0},
        }
    }


def test_batch(realtime: Process) -> None:
    client = joined(realtime, "private-b")
    batch = [{"name": f"e{n}", "channel": "private-b", "data": str(n)} for n in range(10)]
    assert api(realtime, "POST", "/batch_events", {"batch": batch}).json == {}
    assert [receive(client)["event"] for _ in range(10)] == [f"e{n}" for n in range(10)]
    batch = [{"name": "e", "channel": "private-b", "data": "1", "info": "subscription_count"}]
    assert api(realtime, "POST", "/batch_events", {"batch": batch}).json == {"batch": [{"subscription_count": 1}]}


def test_channels(realtime: Process) -> None:
    for user in ("ada", "bob", "bob"):
        present(realtime, "presence-list", user)
    joined(realtime, "private-list")
    every = api(realtime, "GET", "/channels").json
    assert every == {"channels": {"presence-list": {}, "private-list": {}}}
    some = api(realtime, "GET", "/channels", parameters={"filter_by_prefix": "presence-", "info": "user_count"}).json
    assert some == {"channels": {"presence-list": {"user_count": 2}}}
    info = {"info": "user_count,subscription_count"}
    one = api(realtime, "GET", "/channels/presence-list", parameters=info).json
    assert one == {"occupied": True, "user_count": 2, "subscription_count": 3}
    assert api(realtime, "GET", "/channels/private-list", parameters={"info": "subscription_count"}).json == {
        "occupied": True,
        "subscription_count": 1,
    }
    assert api(realtime, "GET", "/channels/nobody").json == {"occupied": False}
    users = api(realtime, "GET", "/channels/presence-list/users").json
    assert sorted(user["id"] for user in users["users"]) == ["ada", "bob"]
    assert api(realtime, "GET", "/channels/presence-none/users").json == {"users": []}


def test_counts_follow_those_who_leave(realtime: Process) -> None:
    client, _ = present(realtime, "presence-leave", "ada")
    assert api(realtime, "GET", "/channels/presence-leave").json == {"occupied": True}
    client.close()
    wait_until(lambda: not api(realtime, "GET", "/channels/presence-leave").json["occupied"], "she has left")
    assert api(realtime, "GET", "/channels").json == {"channels": {}}


def test_terminate_connections(realtime: Process) -> None:
    signed_in, socket_id = connect(realtime)
    sign_in(signed_in, socket_id, "eve")
    other = joined(realtime, "private-t")
    member, _ = present(realtime, "presence-t", "eve")
    assert api(realtime, "POST", "/users/eve/terminate_connections").json == {}
    for client in (signed_in, member):
        assert receive(client)["data"]["code"] == 4009
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=PATIENCE)
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 4009
    assert api(realtime, "GET", "/channels/presence-t").json == {"occupied": False}
    trigger(realtime, "private-t", "still", {})
    assert receive(other)["event"] == "still"


def test_a_client_that_never_answers_a_close_has_left_all_the_same(realtime: Process) -> None:
    """It does not even read: so much waits for it that the close is not sent."""
    other, _ = present(realtime, "presence-deaf", "ada")
    deaf, socket_id = unanswering(realtime)
    with deaf:
        wish = {"event": "pusher:subscribe", "data": subscription(socket_id, "presence-deaf", "eve")}
        deaf.sendall(frame(json.dumps(wish)))
        assert receive(other)["event"] == ADDED
        for _ in range(60):
            trigger(realtime, "presence-deaf", "block", "x" * 9000)
            assert receive(other)["event"] == "block"
        api(realtime, "POST", "/users/eve/terminate_connections")
        assert receive(other) == {"event": REMOVED, "channel": "presence-deaf", "data": {"user_id": "eve"}}
        trigger(realtime, "presence-deaf", "said", {})
        assert receive(other)["event"] == "said"
        heard = read_until(deaf, b"\x0f\xa9The connections of this user were terminated")
        assert heard.count(b"x" * 9000) == 60 and b"said" not in heard


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"auth_signature": None}, "The parameter auth_signature is missing."),
        ({"auth_key": None}, "The parameter auth_key is missing."),
        ({"auth_signature": "0" * 64}, "auth_signature is not right for this method, path and parameters."),
        ({"auth_signature": "ü"}, "auth_signature is not right for this method, path and parameters."),
        ({"extra": "1"}, "auth_signature is not right for this method, path and parameters."),
        ({"signed_auth_key": "stranger"}, "auth_key is not the key of this application."),
        ({"signed_auth_version": "2.0"}, "auth_version must be 1.0."),
        ({"signed_auth_timestamp": "soon"}, "auth_timestamp must be a number of seconds since 1970."),
        ({"signed_auth_timestamp": "²"}, "auth_timestamp must be a number of seconds since 1970."),
        ({"signed_body_md5": "0" * 32}, "body_md5 is not right for this body."),
        ({"body_md5": None}, "The parameter body_md5 is missing."),
    ],
)
def test_requests_that_are_not_ours(realtime: Process, changes: dict[str, Any], sentence: str) -> None:
    answer = realtime.request("POST", signed("POST", EVENTS, EVENT, **changes), EVENT)
    assert (answer.status, answer.body.decode()) == (401, sentence + "\n")


@pytest.mark.parametrize(("seconds", "status"), [(-590, 200), (590, 200), (-610, 401), (610, 401)])
def test_recorded_requests_are_refused(realtime: Process, seconds: int, status: int) -> None:
    at = str(int(time.time()) + seconds)
    answer = realtime.request("POST", signed("POST", EVENTS, EVENT, signed_auth_timestamp=at), EVENT)
    assert answer.status == status
    if status == 401:
        assert answer.body.startswith(b"auth_timestamp is more than 600 seconds from this server's time (")


def test_a_request_is_good_for_its_own_body_method_path_and_parameters_only(realtime: Process) -> None:
    good = signed("POST", EVENTS, EVENT)
    assert realtime.request("POST", good, EVENT).status == 200
    assert realtime.request("POST", good, EVENT.replace("e", "f")).status == 401
    assert realtime.request("POST", good, "").status == 401
    assert realtime.request("POST", good.replace("/events", "/batch_events"), EVENT).status == 401
    read = signed("GET", f"/apps/{APP_ID}/channels", parameters={"filter_by_prefix": "a"})
    assert realtime.get(read).status == 200
    assert realtime.get(read.replace("filter_by_prefix=a", "filter_by_prefix=b")).status == 401
    assert realtime.get(read + "&filter_by_prefix=b").body == b"A parameter is given twice.\n"
    assert realtime.get(signed("GET", "/apps/another/channels")).status == 404
    assert realtime.request("POST", read).status in (401, 405)


@pytest.mark.parametrize(
    ("value", "status", "sentence"),
    [
        ([], 400, "The body must be a JSON object."),
        ({"channel": "c", "data": "1"}, 400, "name must be the name of the event."),
        ({"name": "e" * 201, "channel": "c", "data": "1"}, 400, "name has at most 200 characters."),
        ({"name": "e", "channel": "c", "data": {}}, 400, "data must be text (JSON text, in most cases)."),
        ({"name": "e", "data": "1"}, 400, "channels must be a list of names, or channel one name."),
        ({"name": "e", "channels": [], "data": "1"}, 400, "channels must be a list of names, or channel one name."),
        (
            {"name": "e", "channels": [f"c{n}" for n in range(101)], "data": "1"},
            400,
            "An event goes to at most 100 channels.",
        ),
        ({"name": "e", "channel": "c" * 201, "data": "1"}, 400, None),
        ({"name": "e", "channel": "no spaces", "data": "1"}, 400, None),
        ({"name": "e", "channel": 1, "data": "1"}, 400, None),
        (
            {"name": "e", "channel": "c", "data": "ü" * 5121},
            413,
            "The data of the event e is longer than 10240 bytes.",
        ),
        (
            {"name": "e", "channel": "c", "data": "1", "socket_id": "1"},
            400,
            "socket_id must be two numbers with a point between them.",
        ),
        (
            {"name": "e", "channel": "c", "data": "1", "info": "all"},
            400,
            "info can be user_count and subscription_count, with a comma between them.",
        ),
    ],
)
def test_events_that_are_refused(realtime: Process, value: Any, status: int, sentence: str | None) -> None:
    answer = api(realtime, "POST", "/events", value)
    assert answer.status == status
    assert sentence is None or answer.body.decode() == sentence + "\n"


def test_the_largest_event_is_taken(realtime: Process) -> None:
    names = [f"private-{n:0190d}" for n in range(99)]
    client = joined(realtime, "private-large")
    value = {"name": "e" * 200, "channels": [*names, "private-large"], "data": "\x01" * 10_240}
    assert api(realtime, "POST", "/events", value).status == 200
    assert json.loads(client.recv(timeout=PATIENCE))["data"] == "\x01" * 10_240
    assert api(realtime, "POST", "/events", value | {"data": "x" * 200_000}).status == 413


@pytest.mark.parametrize("batch", [None, [], [1], [{"name": "e", "channel": "c", "data": "1"}] * 11])
def test_batches_that_are_refused(realtime: Process, batch: Any) -> None:
    assert api(realtime, "POST", "/batch_events", {"batch": batch}).status == 400


def test_one_bad_event_of_a_batch_refuses_all(realtime: Process) -> None:
    client = joined(realtime, "private-all")
    good = {"name": "e", "channel": "private-all", "data": "1"}
    assert api(realtime, "POST", "/batch_events", {"batch": [good, {"name": ""}]}).status == 400
    assert silent(client)


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/channels", {"info": "user_count"}),
        ("/channels", {"info": "everything"}),
        ("/channels/private-x", {"info": "user_count"}),
        ("/channels/private-x/users", {}),
    ],
)
def test_questions_that_have_no_answer(realtime: Process, path: str, parameters: dict[str, str]) -> None:
    assert api(realtime, "GET", path, parameters=parameters).status == 400


def test_key_is_compared_whole(realtime: Process) -> None:
    assert realtime.get(signed("GET", f"/apps/{APP_ID}/channels", signed_auth_key=KEY[:-1])).status == 401


def test_while_redis_is_away(app: Launcher, redis: Redis) -> None:
    realtime = app.start("realtime", wait="/ready")
    client = joined(realtime, "private-away")
    redis.kill()
    try:
        realtime.wait_until("/ready", 503)
        answer = api(realtime, "GET", "/channels")
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        statuses = [trigger(realtime, "private-away", "kept", number).status for number in range(1010)]
        assert statuses == [200] * 1000 + [503] * 10
        with pytest.raises(TimeoutError):
            client.recv(timeout=0.2)
    finally:
        redis.start()
    realtime.wait_until("/ready")
    assert [receive(client)["data"] for _ in range(1000)] == list(range(1000))
    assert trigger(realtime, "private-away", "next", {}).status == 200
    assert receive(client)["event"] == "next"
