"""Jobs for tests, and what a test asks of the queues. It runs with the app's Python: `python chores.py COMMAND …`.

Nothing of the tests is imported here, because a worker imports it as the module `chores`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Any

from pitchbar_app import settings
from pitchbar_app.jobs import context
from pitchbar_app.queueing import queue
from pitchbar_app.redis_clients import blocking
from redis import Redis

NOTES = "test:notes"
TRIES = "test:tries"
BEGUN = "test:begun"
GO = "test:go:"


def note(number: int, seconds: float) -> int:
    """Take some time, then note that this was done."""
    worker = context.settings()
    with blocking(worker.redis, worker.app) as redis:
        time.sleep(seconds)
        redis.rpush(NOTES, number)
    return number


def hold(number: int) -> None:
    """Note that this began, go on when the test says so, then note that it was done."""
    worker = context.settings()
    with blocking(worker.redis, worker.app) as redis:
        redis.rpush(BEGUN, number)
        while not redis.exists(f"{GO}{number}"):
            time.sleep(0.02)
        redis.rpush(NOTES, number)


def refuse(number: int) -> None:
    """Fail."""
    raise ValueError(f"chore {number} does not work")


def fail_at_first(number: int) -> None:
    """Fail, and work when it is tried again."""
    worker = context.settings()
    with blocking(worker.redis, worker.app) as redis:
        if redis.incr(TRIES) == 1:
            raise ValueError("not yet")
        redis.rpush(NOTES, number)


def kill_worker(number: int) -> None:
    """Take the worker along."""
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)


def _connect() -> Redis:
    known = settings.load_worker(os.environ)
    return blocking(known.redis, known.app)


def _enqueue(redis: Redis, name: str, chore: str, first: int, count: int, *rest: float, **options: Any) -> None:
    for number in range(first, first + count):
        queue(name, redis).enqueue_call(f"chores.{chore}", args=(number, *rest), job_id=f"{name}-{number}", **options)


def _report(redis: Redis, *names: str) -> dict[str, Any]:
    report: dict[str, Any] = {"notes": [int(number) for number in redis.lrange(NOTES, 0, -1)], "failed": []}
    for name in names:
        report["failed"] += [int(id.rpartition("-")[2]) for id in queue(name, redis).failed_job_registry.get_job_ids()]
    return report


def main() -> None:
    """Run one command; what it found is on standard output as JSON."""
    command, *arguments = sys.argv[1:]
    with _connect() as redis:
        if command == "enqueue":
            name, chore, first, count, *rest = arguments
            _enqueue(redis, name, chore, int(first), int(count), *map(float, rest))
        elif command == "delay":
            from datetime import timedelta

            name, seconds = arguments
            queue(name, redis).enqueue_in(timedelta(seconds=float(seconds)), "chores.note", 1, 0.0, job_id=f"{name}-1")
        elif command == "retry":
            from rq import Retry

            name, seconds = arguments
            retry = Retry(max=1, interval=[int(seconds)])
            queue(name, redis).enqueue_call("chores.fail_at_first", args=(5,), job_id=f"{name}-5", retry=retry)
        elif command == "remove":
            name, number = arguments
            queue(name, redis).remove(f"{name}-{number}")
        elif command == "calls":
            stats = redis.info("commandstats")
            print(json.dumps({name.removeprefix("cmdstat_"): each["calls"] for name, each in stats.items()}))
        elif command == "report":
            print(json.dumps(_report(redis, *arguments)))
        elif command == "clear":
            redis.flushdb()


if __name__ == "__main__":
    main()
