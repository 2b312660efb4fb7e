"""Runs with the app's Python: the job that does nothing, RQ's own worker, and the clock of `bench.jobs`.

python chores_of_bench.py plain QUEUE
python chores_of_bench.py time QUEUE COUNT
"""

from __future__ import annotations

import os
import sys
import time

from pitchbar_app import settings
from pitchbar_app.queueing import queue
from pitchbar_app.redis_clients import blocking
from redis import Redis

_LOOK_SECONDS = 0.005
_PATIENCE = 120.0


def nothing() -> None:
    """The job."""


def plain(redis: Redis, name: str) -> None:
    """Serve a queue with the worker that comes with RQ."""
    from rq import Worker
    from rq.serializers import JSONSerializer

    Worker([name], connection=redis, serializer=JSONSerializer).work(logging_level="WARNING")


def timed(redis: Redis, name: str, count: int) -> float:
    """Seconds from pushing so many jobs until all of them are recorded as finished; one before them is not counted."""
    target = queue(name, redis)
    finished = target.finished_job_registry.key
    prepare = type(target).prepare_data
    target.enqueue_many([prepare("chores_of_bench.nothing")])
    _wait_for(redis, finished, 1)
    jobs = [prepare("chores_of_bench.nothing") for _ in range(count)]
    started = time.monotonic()
    target.enqueue_many(jobs)
    _wait_for(redis, finished, 1 + count)
    return time.monotonic() - started


def _wait_for(redis: Redis, finished: str, count: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while redis.zcard(finished) < count:
        if time.monotonic() > deadline:
            sys.exit(f"only {redis.zcard(finished)} of {count} jobs were finished within {_PATIENCE:.0f} s")
        time.sleep(_LOOK_SECONDS)


def main() -> None:
    """Do what the arguments say; seconds go to standard output."""
    command, name, *rest = sys.argv[1:]
    known = settings.load_worker(os.environ)
    with blocking(known.redis, known.app) as redis:
        if command == "plain":
            plain(redis, name)
        else:
            print(timed(redis, name, int(rest[0])))


if __name__ == "__main__":
    main()
