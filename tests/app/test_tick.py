"""The queue tick: one pass over the queues at a time, started by whoever holds the token."""

from __future__ import annotations

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.app.processes import SECRETS, TOKEN, Launcher, Process
from tests.app.queues import Chores
from tests.support.processes import wait_until
from tests.support.services import Redis

TICK = "/api/v1/internal/queue-tick"


@pytest.fixture
def chores(app: Launcher) -> Chores:
    return Chores(app)


@pytest.fixture
def web(chores: Chores) -> Process:
    return chores.app.start("web", wait="/ready")


def tick(web: Process, **body: Any) -> dict[str, Any]:
    answer = web.request("POST", TICK, json.dumps(body) if body else None, TOKEN)
    assert answer.status == 202, answer.body
    found: dict[str, Any] = answer.json
    return found


def last(web: Process) -> dict[str, Any]:
    found: dict[str, Any] = web.get(TICK, TOKEN).json
    return found


def ended(web: Process) -> dict[str, Any]:
    wait_until(lambda: last(web)["status"] != "running", "the pass ends")
    return last(web)


def pids(id: str) -> list[int]:
    """The processes of a pass."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"\0{id}\0".encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return sorted(found)


def test_what_is_no_tick_is_refused_in_words(web: Process) -> None:
    deep = web.request("POST", TICK, "[" * 9_000, TOKEN)
    assert (deep.status, deep.json) == (400, {"error": "The body is not JSON."})
    wrong = web.request("PUT", TICK, headers=TOKEN)
    assert wrong.status == 405
    assert set(wrong.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_only_the_holder_of_a_token_is_heard(web: Process, method: str) -> None:
    for header in (None, "Bearer", "Bearer wrong", f"Basic {SECRETS['INTERNAL_QUEUE_TOKEN']}", "Bearer "):
        answer = web.request(method, TICK, headers={"Authorization": header} if header is not None else {})
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == "Bearer"
    for token in ("INTERNAL_QUEUE_TOKEN", "INTERNAL_QUEUE_TOKEN_PREVIOUS"):
        answer = web.request(method, TICK, headers={"Authorization": f"Bearer {SECRETS[token]}"})
        assert answer.status in (202, 200, 404)


def test_retired_token_is_refused(chores: Chores) -> None:
    web = chores.app.start("web", wait="/ready", INTERNAL_QUEUE_TOKEN_PREVIOUS="")
    header = {"Authorization": f"Bearer {SECRETS['INTERNAL_QUEUE_TOKEN_PREVIOUS']}"}
    assert web.request("POST", TICK, headers=header).status == 401


def test_tick_drains_the_queues_in_order_without_a_worker(web: Process, chores: Chores) -> None:
    assert web.get(TICK, TOKEN).status == 404
    for name, number in (("default", 4), ("index", 3), ("crawl", 1)):
        chores("enqueue", name, "note", number, 1 if number > 1 else 2, 0.1)
    chores("enqueue", "crawl", "refuse", 9, 1)
    id = tick(web)["id"]
    found = ended(web)
    assert {name: found[name] for name in ("id", "result", "done", "failed", "retried")} == {
        "id": id,
        "result": "empty",
        "done": 4,
        "failed": 1,
        "retried": 0,
    }
    assert found["started_at"] < found["ended_at"]
    assert chores.report("crawl") == {"notes": [1, 2, 3, 4], "failed": [9]}
    assert chores.depth()["total"]["depth"] == 0
    assert pids(id) == []


def test_parameters_come_in_the_body(web: Process, chores: Chores) -> None:
    chores("enqueue", "crawl", "note", 0, 8, 0.8)
    chores("enqueue", "index", "note", 99, 1, 0)
    tick(web, max_time=3, queues=["crawl"])
    found = ended(web)
    assert found["result"] == "max-time"
    assert found["queues"] == ["crawl"]
    assert 1 <= found["done"] < 8
    assert chores.report()["notes"] == list(range(found["done"]))


def test_job_gets_no_longer_than_the_pass_allows(web: Process, chores: Chores) -> None:
    chores("enqueue", "crawl", "note", 5, 1, 30)
    tick(web, job_timeout=1)
    found = ended(web)
    assert (found["done"], found["failed"]) == (0, 1)
    assert chores.report("crawl") == {"notes": [], "failed": [5]}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ('{"max_time": 0}', "`max_time` must be a whole number of seconds from 1 to 900."),
        ('{"max_time": true}', "`max_time` must be a whole number of seconds from 1 to 900."),
        ('{"job_timeout": "9"}', "`job_timeout` must be a whole number of seconds from 1 to 3600."),
        ('{"queues": []}', "`queues` must be a list of 1 to 10 different names of queues."),
        ('{"queues": ["a", "a"]}', "`queues` must be a list of 1 to 10 different names of queues."),
        ('{"queues": ["a,b"]}', "`queues` must be a list of 1 to 10 different names of queues."),
        ('{"queues": "crawl"}', "`queues` must be a list of 1 to 10 different names of queues."),
    ],
)
def test_parameters_out_of_bounds_are_refused(web: Process, body: str, sentence: str) -> None:
    answer = web.request("POST", TICK, body, TOKEN)
    assert (answer.status, answer.json) == (422, {"error": sentence})
    assert web.get(TICK, TOKEN).status == 404


def test_two_passes_never_run_at_once_over_all_replicas(web: Process, chores: Chores) -> None:
    chores.hold(0, 4)
    webs = [web, chores.app.start("web", wait="/ready")]
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda number: tick(webs[number % 2]), range(12)))
    assert len({answer["id"] for answer in answers}) == 1
    assert sum("running" not in answer for answer in answers) == 1
    own = chores.app.run("queue:tick")
    assert json.loads(own.stdout) == {"id": answers[0]["id"], "running": True}
    chores.let_go(*range(4))
    assert ended(web)["done"] == 4
    assert chores.report()["notes"] == [0, 1, 2, 3]
    assert "running" not in tick(web)
    ended(web)


def test_killed_pass_keeps_the_next_one_waiting_no_longer_than_its_lease(web: Process, chores: Chores) -> None:
    chores.hold(0, 2)
    id = tick(web)["id"]
    chores.wait_until_begun(1)
    os.kill(pids(id)[0], signal.SIGKILL)
    assert tick(web) == {"id": id, "running": True}
    assert ended(web)["status"] == "vanished"
    chores.let_go(0, 1)
    assert tick(web)["id"] != id
    assert ended(web)["done"] == 2
    assert sorted(chores.report()["notes"]) == [0, 1]


def test_pass_outlives_the_web_process_and_stops_gently(web: Process, chores: Chores) -> None:
    chores.hold(0, 5)
    other = chores.app.start("web", wait="/ready")
    id = tick(web)["id"]
    chores.wait_until_begun(1)
    assert web.stop()[0] == 0
    os.kill(pids(id)[0], signal.SIGTERM)
    chores.let_go(*range(5))
    found = ended(other)
    assert (found["result"], found["done"]) == ("stopped", 1)
    assert chores.report()["notes"] == [0]
    assert chores.depth()["total"] == {"waiting": 4, "delayed": 0, "reserved": 0, "depth": 4, "failed": 0}


def test_tick_without_redis_says_so(web: Process, redis: Redis) -> None:
    redis.kill()
    try:
        answer = web.request("POST", TICK, headers=TOKEN)
    finally:
        redis.start()
    assert (answer.status, answer.json) == (503, {"error": "The queue does not answer: Redis is not reachable."})
