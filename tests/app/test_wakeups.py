"""An idle worker waits for an event: it starts a job when there is one, and asks Redis for next to nothing before."""

from __future__ import annotations

import json
import time

import pytest

from tests.app.processes import Launcher, Process
from tests.app.queues import Chores
from tests.support.processes import wait_until
from tests.support.services import Redis

NEVER = {"QUEUE_LEASE": "3600"}
"""With it an idle worker that hears nothing looks every ten minutes: what happens sooner was heard."""


@pytest.fixture
def chores(app: Launcher) -> Chores:
    return Chores(app)


@pytest.fixture
def idle(chores: Chores, redis: Redis) -> Process:
    worker = chores.app.start("worker", **NEVER)
    wait_until(lambda: " serves crawl, index, default" in worker.output, "the worker starts")
    wait_until_idle(redis)
    return worker


def listeners(redis: Redis) -> int:
    """How many workers hear of a new job on the queue `crawl`; it wakes them."""
    return int(redis.execute("PUBLISH", "pitchbar:wake:crawl", "").removeprefix(":"))


def wait_until_idle(redis: Redis) -> None:
    wait_until(lambda: listeners(redis) == 1, "the worker listens")


def wait_for(chores: Chores, *expected: int) -> None:
    wait_until(lambda: chores.report("crawl")["notes"] == list(expected), f"the jobs {expected} are done")


def test_an_idle_worker_hears_of_each_job(chores: Chores, redis: Redis, idle: Process) -> None:
    for number, queue in enumerate(("crawl", "index", "default")):
        chores("enqueue", queue, "note", number, 1, 0)
        wait_for(chores, *range(number + 1))
        wait_until_idle(redis)


def test_an_idle_worker_hears_of_a_delayed_job_and_looks_when_it_is_due(chores: Chores, idle: Process) -> None:
    chores("delay", "crawl", 1.5)
    wait_for(chores, 1)


def test_an_idle_worker_hears_of_a_job_that_was_tried_before(chores: Chores, redis: Redis, idle: Process) -> None:
    chores("retry", "crawl", 1)
    wait_for(chores, 5)


def test_a_busy_worker_lets_no_messages_pile_up(chores: Chores, redis: Redis, idle: Process) -> None:
    chores.hold(0, 1)
    chores.wait_until_begun(1)
    wait_until(lambda: listeners(redis) == 0, "the busy worker hears nothing")
    chores.let_go(0)
    wait_for(chores, 0)
    wait_until_idle(redis)


def test_an_idle_worker_hears_again_after_redis_was_away(chores: Chores, redis: Redis, idle: Process) -> None:
    redis.stop()
    time.sleep(1)
    redis.start()
    wait_until(lambda: listeners(redis) == 1, "the worker listens again")
    chores("enqueue", "crawl", "note", 0, 1, 0)
    wait_for(chores, 0)
    assert idle.popen.poll() is None, idle.output


def test_an_idle_worker_leaves_redis_alone(chores: Chores, redis: Redis, idle: Process) -> None:
    before = json.loads(chores("calls"))
    time.sleep(4)
    after = json.loads(chores("calls"))
    assert after["evalsha"] - before["evalsha"] <= 4, "asked 20 times a second it would be 80"
    assert "Redis does not answer" not in idle.output
