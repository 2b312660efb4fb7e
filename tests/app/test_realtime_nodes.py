"""Several realtime servers behind one Redis: presence and counts are the same on each, whatever is killed."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from websockets.sync.client import ClientConnection

from tests.app.processes import Launcher, Process, receive
from tests.app.pusher_protocol import (
    ADDED,
    REMOVED,
    api,
    connect,
    eventually,
    joined,
    members,
    present,
    sign_in,
    silent,
    trigger,
    user_count,
)
from tests.support.processes import PATIENCE
from tests.support.services import Redis

LEASE = 4.0
Start = Callable[[], Process]


@pytest.fixture
def start(app: Launcher) -> Iterator[Start]:
    """Starts one more realtime server of an application that only this test knows."""
    app.environment["REVERB_APP_ID"] = app.folder.name
    yield lambda: app.start("realtime", wait="/ready")
    for process in app.processes:
        process.popen.kill()  # before its clients say good-bye one by one


@contextlib.contextmanager
def _stopped(process: Process) -> Iterator[None]:
    os.kill(process.popen.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.popen.pid, signal.SIGCONT)


def _told(client: ClientConnection) -> tuple[str, str]:
    """The next change of the members, as `added` or `removed`, and who it is."""
    message = receive(client)
    assert message["event"] in (ADDED, REMOVED), message
    return message["event"].rpartition("_")[2], message["data"]["user_id"]


def _subscriptions(node: Process, channel: str) -> int:
    """How many clients are subscribed on all processes, as this one says."""
    answer = api(node, "GET", f"/channels/{channel}", parameters={"info": "subscription_count"})
    return int(answer.json["subscription_count"])


def test_events_cross(start: Start) -> None:
    one, two = start(), start()
    near, far = joined(one, "private-x"), joined(two, "private-x")
    trigger(one, "private-x", "news", 1)
    assert receive(near)["data"] == receive(far)["data"] == 1
    near.send('{"event": "client-hi", "channel": "private-x", "data": {"a": 1}}')
    assert receive(far) == {"event": "client-hi", "channel": "private-x", "data": {"a": 1}}
    assert silent(near)


def test_members_are_told_once_over_all_processes(start: Start) -> None:
    nodes = [start(), start(), start()]
    watchers = [present(node, "presence-w", f"watcher-{number}")[0] for number, node in enumerate(nodes)]
    assert [_told(watchers[0]), _told(watchers[0]), _told(watchers[1])] == [
        ("added", "watcher-1"),
        ("added", "watcher-2"),
        ("added", "watcher-2"),
    ]
    tabs = [present(node, "presence-w", "bob", {"n": 1}) for node in (*nodes, nodes[0])]
    assert all(ids == ["bob", "watcher-0", "watcher-1", "watcher-2"] for _, ids in tabs)
    for watcher in watchers:
        assert _told(watcher) == ("added", "bob")
    for node in nodes:
        eventually(partial(user_count, node, "presence-w"), 4)
        eventually(partial(_subscriptions, node, "presence-w"), 7)
    for tab, _ in tabs[:3]:
        tab.close()
    assert all(silent(watcher) for watcher in watchers)
    tabs[3][0].close()
    for watcher in watchers:
        assert _told(watcher) == ("removed", "bob")
        assert silent(watcher, 0.1)


def test_terminating_a_user_reaches_every_process(start: Start) -> None:
    nodes = [start(), start()]
    clients = []
    for node in nodes:
        client, socket_id = connect(node)
        sign_in(client, socket_id, "eve")
        clients.append(client)
    assert api(nodes[0], "POST", "/users/eve/terminate_connections").status == 200
    assert [receive(client)["data"]["code"] for client in clients] == [4009, 4009]


def test_quota_counts_every_process(app: Launcher) -> None:
    quota = {"REVERB_APP_MAX_CONNECTIONS": "2", "REVERB_APP_ID": "quota-of-all"}
    one, two = (app.start("realtime", wait="/ready", **quota) for _ in range(2))
    for _ in range(2):
        connect(one)

    def refusal() -> int | None:
        client = two.connect()
        code: int | None = receive(client)["data"].get("code")
        client.close()
        return code

    eventually(refusal, 4004)


def test_members_of_a_killed_process_are_removed_once_by_the_others(start: Start) -> None:
    one, two, three = start(), start(), start()
    watcher, _ = present(one, "presence-k", "watcher")
    other, _ = present(two, "presence-k", "other")
    assert _told(watcher) == ("added", "other")
    for user in ("gone-1", "gone-2", "both"):
        present(three, "presence-k", user)
        assert _told(watcher) == _told(other) == ("added", user)
    present(one, "presence-k", "both")
    three.popen.kill()
    for client in (watcher, other):
        assert {_told(client), _told(client)} == {("removed", "gone-1"), ("removed", "gone-2")}
    assert silent(watcher, 1.5) and silent(other, 0.1)
    for node in (one, two):
        assert members(node, "presence-k") == ["both", "other", "watcher"]
        eventually(partial(_subscriptions, node, "presence-k"), 3)


def test_a_process_that_was_stopped_for_long_is_known_again(start: Start) -> None:
    one, two = start(), start()
    watcher, _ = present(one, "presence-s", "watcher")
    sleepers = [present(two, "presence-s", f"sleeper-{number}")[0] for number in range(2)]
    assert [_told(watcher), _told(watcher)] == [("added", "sleeper-0"), ("added", "sleeper-1")]
    assert _told(sleepers[0]) == ("added", "sleeper-1")
    with _stopped(two):
        assert {_told(watcher), _told(watcher)} == {("removed", "sleeper-0"), ("removed", "sleeper-1")}
    assert {_told(watcher), _told(watcher)} == {("added", "sleeper-0"), ("added", "sleeper-1")}
    for node in (one, two):
        eventually(partial(members, node, "presence-s"), ["sleeper-0", "sleeper-1", "watcher"])
    assert silent(sleepers[0]) and silent(sleepers[1], 0.1)


def test_nobody_is_called_dead_because_redis_was_not_asked(start: Start, app: Launcher, redis: Redis) -> None:
    """What a restart of Redis looks like to those who come back last: their leases ran out, and nobody lived then."""
    one = start()
    prefix, late = f"pitchbar:realtime:{{{app.folder.name}}}", "f" * 16
    with _stopped(one):
        at = int(time.time() * 1000)
        redis.execute("ZADD", f"{prefix}:nodes", str(at + 1000), late)
        redis.execute("SADD", f"{prefix}:held:{late}", "presence-late\nlate")
        redis.execute("HSET", f"{prefix}:in:presence-late", f"{late}late", "null")
        time.sleep(3)
    watcher, ids = present(one, "presence-late", "watcher")
    assert ids == ["late", "watcher"]
    assert silent(watcher, 0.5)
    assert _told(watcher) == ("removed", "late")


def test_nobody_leaves_when_his_process_is_replaced(start: Start) -> None:
    old, stays = start(), start()
    watcher, _ = present(stays, "presence-r", "watcher")
    moving = [present(old, "presence-r", f"user-{number}")[0] for number in range(5)]
    assert [_told(watcher) for _ in moving] == [("added", f"user-{number}") for number in range(5)]
    new = start()
    old.popen.terminate()
    assert {receive(client)["data"].get("code") for client in moving[-1:]} == {4200}
    assert silent(watcher, 1.2)
    for number in range(4):
        present(new, "presence-r", f"user-{number}")
    assert user_count(new, "presence-r") == user_count(stays, "presence-r") == 6
    assert _told(watcher) == ("removed", "user-4")
    assert silent(watcher, 1.5)
    assert old.popen.wait(PATIENCE) == 0
    assert members(new, "presence-r") == ["user-0", "user-1", "user-2", "user-3", "watcher"]


@pytest.mark.parametrize("forgets", [False, True], ids=["keeps its data", "forgets everything"])
def test_a_restart_of_redis_is_not_noticed(start: Start, redis: Redis, folder: Path, forgets: bool) -> None:
    one, two = start(), start()
    watcher, _ = present(one, "presence-x", "watcher")
    leaves, _ = present(two, "presence-x", "leaves")
    stays, _ = present(two, "presence-x", "stays")
    assert [_told(watcher), _told(watcher)] == [("added", "leaves"), ("added", "stays")]
    redis.kill()
    if forgets:
        shutil.rmtree(folder / "appendonlydir")
    two.wait_until("/ready", 503)
    leaves.close()
    assert present(one, "presence-x", "early")[1] == ["early", "leaves", "stays", "watcher"]
    assert _told(watcher) == ("added", "early")
    time.sleep(LEASE + 1)  # every lease has run out, and nobody must be called dead for it
    with _stopped(two):
        redis.start()
        one.wait_until("/ready")
        time.sleep(0.3)
    two.wait_until("/ready")
    assert _told(watcher) == ("removed", "leaves")
    assert silent(watcher, LEASE + 0.5)
    assert {_told(stays), _told(stays)} == {("added", "early"), ("removed", "leaves")}
    for node in (one, two):
        assert members(node, "presence-x") == ["early", "stays", "watcher"]
    late, ids = present(two, "presence-x", "late")
    assert ids == ["early", "late", "stays", "watcher"]
    assert _told(watcher) == ("added", "late")
    trigger(two, "presence-x", "news", 1)
    assert receive(watcher)["event"] == receive(late)["event"] == "news"


def test_a_presence_channel_asked_for_while_redis_is_away_is_confirmed_later(start: Start, redis: Redis) -> None:
    one = start()
    redis.kill()
    one.wait_until("/ready", 503)
    outcome: list[list[str]] = []
    thread = threading.Thread(target=lambda: outcome.append(present(one, "presence-later", "ada")[1]))
    thread.start()
    time.sleep(0.3)
    assert not outcome
    redis.start()
    thread.join(PATIENCE)
    assert outcome == [["ada"]]


@pytest.mark.parametrize("seconds", [0, LEASE + 1], ids=["shorter than a lease", "longer than a lease"])
def test_events_sent_while_redis_is_away_reach_every_process(start: Start, redis: Redis, seconds: float) -> None:
    """After a long absence Redis has forgotten who was there; they are waited for all the same."""
    one, two = start(), start()
    clients = [joined(one, "private-a"), joined(two, "private-a")]
    trigger(one, "private-a", "before", 0)
    assert [receive(client)["event"] for client in clients] == ["before", "before"]
    redis.kill()
    for node in (one, two):
        node.wait_until("/ready", 503)
    for number in range(20):
        assert trigger(one, "private-a", "kept", number).status == 200
    time.sleep(seconds)
    with _stopped(two):  # It listens again a second later than the one that has the events.
        redis.start()
        time.sleep(1)
    for client in clients:
        assert [receive(client)["data"] for _ in range(20)] == list(range(20))
