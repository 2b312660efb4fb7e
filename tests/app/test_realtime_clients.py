"""The real thing: pusher-js as a browser runs it, and Pusher's library for servers, against web and realtime."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from pusher import Pusher
from pusher.errors import PusherBadAuth, PusherBadRequest

from tests.app.processes import SECRETS, Launcher, Process
from tests.app.pusher_js import Driver, driver
from tests.app.pusher_protocol import KEY, SECRET, eventually
from tests.support.relay import Relay, relay
from tests.support.services import Redis


@dataclass
class Stage:
    """Two realtime servers and a web server on ports of 127.0.0.1, and clients for them."""

    app_id: str
    app: Launcher
    realtime: tuple[Process, ...]
    relays: tuple[Relay, ...]
    web: Relay
    js: Driver

    def connect(self, client: str, user: str = "", node: int = 0) -> str:
        """Connect one pusher-js client; its socket id."""
        auth = f"http://127.0.0.1:{self.web.port}"
        token = SECRETS["INTERNAL_QUEUE_TOKEN"] if user else "wrong"
        self.js.do("connect", client, key=KEY, port=self.relays[node].port, auth=auth, token=token, user=user)
        return str(self.js.wait_for(client, "connected")["id"])

    def subscribe(self, client: str, channel: str) -> dict[str, Any]:
        """Subscribe one client and wait for the confirmation."""
        self.js.do("subscribe", client, channel=channel)
        return self.js.wait_for(client, "pusher:subscription_succeeded")

    def server(self, node: int = 0, secret: str = SECRET) -> Any:
        """Pusher's library for servers."""
        return Pusher(
            app_id=self.app_id, key=KEY, secret=secret, host="127.0.0.1", port=self.relays[node].port, ssl=False
        )


@pytest.fixture
def stage(app: Launcher) -> Iterator[Stage]:
    # One of its own: what an earlier test left in Redis is not counted.
    app_id = app.environment["REVERB_APP_ID"] = str(secrets.randbelow(10**9))
    with contextlib.ExitStack() as stack:
        realtime = tuple(app.start("realtime", wait="/ready") for _ in range(2))
        relays = tuple(stack.enter_context(relay(process.address)) for process in realtime)
        web = stack.enter_context(relay(app.start("web").address))
        yield Stage(app_id, app, realtime, relays, web, stack.enter_context(driver()))


def test_pushers_library_for_servers_takes_an_environments_own_application(app: Launcher) -> None:
    app_id = app.environment["REVERB_APP_ID"]
    with relay(app.start("realtime", wait="/ready").address) as there:
        server = Pusher(app_id=app_id, key=KEY, secret=SECRET, host="127.0.0.1", port=there.port, ssl=False)
        assert server.trigger("open", "said", {"what": "hello"}) == {}
        assert "channels" in server.channels_info()


def test_presence_with_pusher_js(stage: Stage) -> None:
    js, room = stage.js, "presence-room"
    stage.connect("ada", "ada")
    stage.connect("bob", "bob", node=1)
    assert stage.subscribe("ada", room)["members"] == {"ada": None}
    succeeded = stage.subscribe("bob", room)
    assert (succeeded["count"], succeeded["me"]) == (2, {"id": "bob", "info": None})
    assert js.wait_for("ada", "pusher:member_added")["data"] == {"id": "bob", "info": None}
    js.do("trigger", "ada", channel=room, event="client-typing", data={"on": True})
    assert js.wait_for("ada", "triggered")["sent"] is True
    heard = js.wait_for("bob", "typing")
    assert (heard["data"], heard["user"]) == ({"on": True}, "ada")
    stage.connect("bob again", "bob")
    assert stage.subscribe("bob again", room)["count"] == 2
    for client, count in (("ada", 2), ("bob", 2), ("bob again", 2)):
        js.do("members", client, channel=room)
        assert js.wait_for(client, "members") == {
            "client": client,
            "what": "members",
            "count": count,
            "ids": ["ada", "bob"],
        }
    js.do("disconnect", "bob")
    assert js.unread("ada") == []
    js.do("unsubscribe", "bob again", channel=room)
    assert js.wait_for("ada", "pusher:member_removed")["data"] == {"id": "bob", "info": None}
    assert js.unread("ada") == []


def test_a_client_that_may_not(stage: Stage) -> None:
    stage.connect("stranger")
    stage.js.do("subscribe", "stranger", channel="private-secret")
    error = stage.js.wait_for("stranger", "pusher:subscription_error")
    assert error["data"]["status"] == 403
    stage.subscribe("stranger", "open")
    stage.js.do("trigger", "stranger", channel="open", event="client-x", data={})
    assert stage.js.wait_for("stranger", "error")["code"] == 4301


def test_users_and_the_library_for_servers(stage: Stage) -> None:
    js, server, other = stage.js, stage.server(), stage.server(node=1)
    socket_id = stage.connect("ada", "ada")
    stage.connect("eve", "eve", node=1)
    stage.subscribe("ada", "private-news")
    stage.subscribe("eve", "private-news")
    assert server.trigger(["private-news", "open"], "headline", {"text": "ü"}) == {}
    for client in ("ada", "eve"):
        assert js.wait_for(client, "headline")["data"] == {"text": "ü"}
    other.trigger("private-news", "for others", {}, socket_id)
    js.wait_for("eve", "for others")
    batch = [{"channel": "private-news", "name": f"batch-{n}", "data": {"n": n}} for n in range(3)]
    assert server.trigger_batch(batch) == {}
    assert [js.wait_for("eve", f"batch-{n}")["data"] for n in range(3)] == [{"n": n} for n in range(3)]
    assert "for others" not in js.unread("ada")
    stage.subscribe("ada", "presence-room")
    stage.subscribe("eve", "presence-room")
    for one in (server, other):
        assert one.channel_info("presence-room", ["user_count", "subscription_count"]) == {
            "occupied": True,
            "user_count": 2,
            "subscription_count": 2,
        }
        assert one.channels_info("presence-", ["user_count"]) == {"channels": {"presence-room": {"user_count": 2}}}
        assert sorted(user["id"] for user in one.users_info("presence-room")["users"]) == ["ada", "eve"]
    js.do("signin", "eve")
    js.wait_for("eve", "signed in")
    eventually(lambda: "#server-to-user-eve" in server.channels_info()["channels"], True)
    server.send_to_user("eve", "personal", {"n": 1})
    assert js.wait_for("eve", "user event")["data"] == {"n": 1}
    server.terminate_user_connections("eve")
    assert js.wait_for("eve", "error")["code"] == 4009
    assert js.wait_for("ada", "pusher:member_removed")["data"]["id"] == "eve"


def test_the_library_for_servers_is_refused_with_a_sentence(stage: Stage) -> None:
    with pytest.raises(PusherBadAuth, match="auth_signature is not right"):
        stage.server(secret="another").trigger("c", "e", {})
    with pytest.raises(PusherBadRequest, match="Users are known of presence channels only"):
        stage.server().users_info("private-x")


def test_pusher_js_comes_back_by_itself(stage: Stage, redis: Redis) -> None:
    js, room = stage.js, "presence-back"
    stage.connect("ada", "ada")
    stage.connect("bob", "bob", node=1)
    stage.subscribe("bob", room)
    stage.subscribe("ada", room)
    assert js.wait_for("bob", "pusher:member_added")["data"]["id"] == "ada"
    stage.relays[0].target = stage.app.start("realtime", wait="/ready").address
    stage.realtime[0].stop()
    assert js.wait_for("ada", "connected")
    assert js.wait_for("ada", "pusher:subscription_succeeded")["count"] == 2
    assert js.unread("bob", 5) == []
    redis.kill()
    redis.start()
    stage.server(1).trigger(room, "after", {})
    for client in ("ada", "bob"):
        assert js.wait_for(client, "after")
    assert "pusher:member_removed" not in js.unread("bob", 3)
