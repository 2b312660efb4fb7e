"""Private and presence channels, client events, and users, on one realtime server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from tests.app.processes import Launcher, Process, receive, send
from tests.app.pusher_protocol import (
    ADDED,
    KEY,
    REMOVED,
    SUCCEEDED,
    api,
    connect,
    hexdigest,
    join,
    joined,
    present,
    sign_in,
    silent,
    trigger,
)
from tests.support.processes import PATIENCE, wait_until


@pytest.fixture(autouse=True)
def ended(realtime: Process) -> Iterator[None]:
    """Every connection of a test ends with it."""
    yield
    realtime.sockets.close()


def _refusal(message: object) -> tuple[int, str]:
    assert isinstance(message, dict) and message["event"] == "pusher:error", message
    return message["data"]["code"], message["data"]["message"]


def test_private_channel(realtime: Process) -> None:
    client = joined(realtime, "private-a")
    assert trigger(realtime, "private-a", "news", {"n": 1}).status == 200
    assert receive(client) == {"event": "news", "channel": "private-a", "data": {"n": 1}}


@pytest.mark.parametrize("channel", ["private-a", "private-encrypted-a"])
@pytest.mark.parametrize("auth", [None, 1, "", "x", KEY, f"{KEY}:", f"{KEY}:{'0' * 64}", "other:{right}", "\ud800"])
def test_wrong_signature(realtime: Process, channel: str, auth: object) -> None:
    client, socket_id = connect(realtime)
    if isinstance(auth, str):
        auth = auth.replace("{right}", hexdigest(f"{socket_id}:{channel}"))
    send(client, "pusher:subscribe", channel=channel, auth=auth)
    assert _refusal(receive(client)) == (4009, f"The signature for the channel {channel} is missing or wrong.")
    trigger(realtime, channel, "secret", {})
    assert silent(client, 0.1)


def test_signature_of_another_connection_or_channel(realtime: Process) -> None:
    client, socket_id = connect(realtime)
    _, other_id = connect(realtime)
    join(client, other_id, "private-a")
    assert _refusal(receive(client))[0] == 4009
    send(client, "pusher:subscribe", channel="private-b", auth=f"{KEY}:{hexdigest(f'{socket_id}:private-a')}")
    assert _refusal(receive(client))[0] == 4009


def test_presence(realtime: Process) -> None:
    ada, socket_id = connect(realtime)
    join(ada, socket_id, "presence-room", "ada", {"name": "Ada"})
    presence = {"presence": {"count": 1, "ids": ["ada"], "hash": {"ada": {"name": "Ada"}}}}
    assert receive(ada) == {"event": SUCCEEDED, "channel": "presence-room", "data": presence}
    bob, socket_id = connect(realtime)
    join(bob, socket_id, "presence-room", "bob", ["ü", None])
    known = {"ada": {"name": "Ada"}, "bob": ["ü", None]}
    assert receive(bob)["data"] == {"presence": {"count": 2, "ids": ["ada", "bob"], "hash": known}}
    member = {"user_id": "bob", "user_info": ["ü", None]}
    assert receive(ada) == {"event": ADDED, "channel": "presence-room", "data": member}
    bob.close()
    assert receive(ada) == {"event": REMOVED, "channel": "presence-room", "data": {"user_id": "bob"}}


def test_a_user_with_two_tabs_is_one_member(realtime: Process) -> None:
    ada, _ = present(realtime, "presence-tabs", "ada")
    first, socket_id = connect(realtime)
    join(first, socket_id, "presence-tabs", "bob")
    assert receive(ada)["event"] == ADDED
    second, ids = present(realtime, "presence-tabs", "bob")
    assert ids == ["ada", "bob"]
    first.close()
    assert silent(ada)
    second.close()
    assert receive(ada)["data"] == {"user_id": "bob"}
    assert silent(ada)


def test_a_second_subscription_of_one_connection_changes_nothing(realtime: Process) -> None:
    ada, _ = present(realtime, "presence-twice", "ada")
    bob, socket_id = connect(realtime)
    for _ in range(3):
        join(bob, socket_id, "presence-twice", "bob")
        assert receive(bob)["data"]["presence"]["ids"] == ["ada", "bob"]
    assert receive(ada)["event"] == ADDED
    send(bob, "pusher:unsubscribe", channel="presence-twice")
    assert receive(ada)["event"] == REMOVED
    assert silent(ada) and silent(bob, 0.05)


def test_numbers_as_ids(realtime: Process) -> None:
    client, socket_id = connect(realtime)
    data = '{"user_id": 7}'
    auth = f"{KEY}:{hexdigest(f'{socket_id}:presence-n:{data}')}"
    send(client, "pusher:subscribe", channel="presence-n", auth=auth, channel_data=data)
    assert receive(client)["data"]["presence"] == {"count": 1, "ids": ["7"], "hash": {"7": None}}


@pytest.mark.parametrize(
    "data",
    [
        None,
        "",
        "[]",
        "no json",
        "{}",
        '{"user_id": null}',
        '{"user_id": ""}',
        '{"user_id": true}',
        '{"user_id": {"a": 1}}',
        '{"user_id": "' + "x" * 129 + '"}',
        '{"user_id": "\\ud800"}',
        '{"user_id": "a", "user_info": "' + "x" * 5000 + '"}',
        "[" * 3000,
        {"user_id": "not text"},
    ],
)
def test_what_is_no_member_is_refused(realtime: Process, data: object) -> None:
    client, socket_id = connect(realtime)
    auth = f"{KEY}:{hexdigest(f'{socket_id}:presence-x:{data}')}"
    send(client, "pusher:subscribe", channel="presence-x", auth=auth, channel_data=data)
    assert _refusal(receive(client))[0] == 4009
    assert api(realtime, "GET", "/channels/presence-x").json == {"occupied": False}


def test_strange_ids_are_members_like_any(realtime: Process) -> None:
    strange = ["a\nb", "a\x00b", "🎉", "}{", "'; --", "0123456789abcdef"]
    for user in strange:
        present(realtime, "presence-strange", user)
    assert present(realtime, "presence-strange", "z")[1] == sorted([*strange, "z"])
    users = api(realtime, "GET", "/channels/presence-strange/users").json["users"]
    assert sorted(user["id"] for user in users) == sorted([*strange, "z"])


def test_client_events(realtime: Process) -> None:
    sender, hears = joined(realtime, "private-chat"), joined(realtime, "private-chat")
    sender.send(json.dumps({"event": "client-typing", "channel": "private-chat", "data": {"on": True}}))
    assert receive(hears) == {"event": "client-typing", "channel": "private-chat", "data": {"on": True}}
    assert silent(sender)


def test_client_events_on_presence_channels_say_who_sent_them(realtime: Process) -> None:
    sender, _ = present(realtime, "presence-chat", "ada")
    hears, _ = present(realtime, "presence-chat", "bob")
    assert receive(sender)["event"] == ADDED
    event = {"event": "client-typing", "channel": "presence-chat", "data": {}, "user_id": "mallory"}
    sender.send(json.dumps(event))
    assert receive(hears) == event | {"user_id": "ada"}
    assert silent(sender)


@pytest.mark.parametrize(
    ("channel", "name", "data", "refusal"),
    [
        ("open", "client-x", {}, "Client events are only for private and presence channels."),
        ("private-encrypted-a", "client-x", {}, "Client events are only for private and presence channels."),
        (None, "client-x", {}, "Client events are only for private and presence channels."),
        ("private-else", "client-x", {}, "Client events are only for channels that the client is subscribed to."),
        ("private-a", "client-" + "x" * 200, {}, "The name of an event has at most 200 characters."),
        ("private-a", "client-x", "x" * 10_241, "The data of an event has at most 10240 bytes."),
    ],
)
def test_client_events_that_are_refused(
    realtime: Process, channel: str | None, name: str, data: object, refusal: str
) -> None:
    client, other = joined(realtime, "private-a"), joined(realtime, "private-a")
    client.send(json.dumps({"event": name, "channel": channel, "data": data}))
    assert _refusal(receive(client)) == (4301, refusal)
    assert silent(other, 0.1)


def test_client_events_are_limited_to_ten_in_a_second(realtime: Process) -> None:
    sender, hears = joined(realtime, "private-fast"), joined(realtime, "private-fast")
    started = time.monotonic()
    for number in range(100):
        sender.send(json.dumps({"event": "client-n", "channel": "private-fast", "data": number}))
    send(sender, "pusher:ping")
    refusals = 0
    while (answer := receive(sender))["event"] != "pusher:pong":
        assert _refusal(answer) == (4301, "Too many client events: a client may send 10 in a second.")
        refusals += 1
    assert 10 <= 100 - refusals <= 10 + 10 * (time.monotonic() - started)
    assert [receive(hears)["data"] for _ in range(10)] == list(range(10))
    time.sleep(1.1)
    sender.send(json.dumps({"event": "client-n", "channel": "private-fast", "data": "again"}))
    rest = list(iter(lambda: _text(hears), "again"))
    assert 10 + len(rest) == 100 - refusals


def _text(client: ClientConnection) -> object:
    """The data of the next message, as it is."""
    return json.loads(client.recv(timeout=PATIENCE))["data"]


def test_signed_in_user_hears_what_is_for_him(realtime: Process) -> None:
    client, socket_id = connect(realtime)
    send(client, "pusher:subscribe", channel="#server-to-user-ada")
    assert _refusal(receive(client))[0] == 4200
    sign_in(client, socket_id, "ada")
    for user, answer in (("ada", SUCCEEDED), ("bob", "pusher:error")):
        send(client, "pusher:subscribe", channel=f"#server-to-user-{user}")
        assert receive(client)["event"] == answer
    assert trigger(realtime, "#server-to-user-ada", "hello", {}).status == 200
    assert receive(client)["event"] == "hello"


@pytest.mark.parametrize("data", ['{"id": "ada"}', "{}", "no json", '{"id": ""}'])
def test_sign_in_that_is_refused_ends_the_connection(realtime: Process, data: str) -> None:
    client, _ = connect(realtime)
    send(client, "pusher:signin", user_data=data, auth=f"{KEY}:{'0' * 64}")
    assert _refusal(receive(client))[0] == 4009
    with pytest.raises(ConnectionClosed) as closed:
        client.recv(timeout=PATIENCE)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 4009


def test_over_quota(app: Launcher) -> None:
    limited = app.start("realtime", wait="/ready", REVERB_APP_MAX_CONNECTIONS="2", REVERB_APP_ID="quota")
    first, _ = connect(limited)
    connect(limited)
    third = limited.connect()
    assert _refusal(receive(third)) == (4004, "Application is over connection quota")
    with pytest.raises(ConnectionClosed) as closed:
        third.recv(timeout=PATIENCE)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 4004
    first.close()

    def is_let_in() -> bool:
        return bool(receive(limited.connect())["event"] == "pusher:connection_established")

    wait_until(is_let_in, "there is room for another one")


def test_silent_member_is_removed(app: Launcher) -> None:
    realtime = app.start("realtime", wait="/ready", REVERB_APP_ACTIVITY_TIMEOUT="3")
    ada, _ = present(realtime, "presence-quiet", "ada")
    present(realtime, "presence-quiet", "bob")
    assert receive(ada)["event"] == ADDED
    while (message := receive(ada))["event"] == "pusher:ping":
        send(ada, "pusher:pong")
    assert (message["event"], message["data"]) == (REMOVED, {"user_id": "bob"})


@pytest.mark.parametrize("number", ["NaN", "1e999"])
def test_a_member_whose_information_is_no_json_is_not_shown_to_the_others(realtime: Process, number: str) -> None:
    """Python reads and writes such numbers; browsers that got one could read nothing about the channel any more."""
    client, socket_id = connect(realtime)
    data = f'{{"user_id": "ada", "user_info": {number}}}'
    auth = f"{KEY}:{hexdigest(f'{socket_id}:presence-numbers:{data}')}"
    send(client, "pusher:subscribe", channel="presence-numbers", auth=auth, channel_data=data)
    code, sentence = _refusal(receive(client))
    assert (code, sentence) == (4009, "user_info has a number that JSON does not have: NaN or an infinite one.")
