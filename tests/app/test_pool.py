"""The pool of workers: between its smallest and its largest size by backlog, and no job lost whatever is stopped."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.app.inside import inside
from tests.app.processes import Launcher, Process
from tests.app.queues import LEASE, Chores
from tests.support.processes import PATIENCE, children, runs, wait_until
from tests.support.services import Redis

POOL = {"HORIZON_MIN_PROCESSES": "1", "HORIZON_MAX_PROCESSES": "3", "HORIZON_BACKLOG_PER_PROCESS": "5"}
Start = Callable[..., Process]


@pytest.fixture
def chores(app: Launcher) -> Chores:
    return Chores(app)


@pytest.fixture
def start(chores: Chores) -> Iterator[Start]:
    """Starts a pool and waits for its first workers; what it started ends with the test."""
    started = []

    def begin(**changes: str) -> Process:
        limits = POOL | changes
        pool = chores.app.start("worker", **limits)
        started.append(pool)
        least = int(limits["HORIZON_MIN_PROCESSES"])
        wait_until(lambda: len(children(pool.popen.pid)) == least, "the pool starts its workers")
        return pool

    yield begin
    for pool in started:
        pool.popen.terminate()
        pool.popen.wait(PATIENCE)


def size(pool: Process) -> int:
    return len(children(pool.popen.pid))


def busy(pool: Process) -> int:
    """How many of the pool's workers run a job, each in a process of its own."""
    return sum(bool(children(pid)) for pid in children(pool.popen.pid))


def report(chores: Chores) -> dict[str, Any]:
    return chores.report("crawl", "index", "default")


def test_one_worker_for_so_many_jobs_within_the_limits() -> None:
    code = """
    from pitchbar_app.pool import wanted
    from pitchbar_app.settings import Pool
    result = [wanted(backlog, Pool(min=2, max=8, backlog=100)) for backlog in backlogs]
    """
    assert inside(code, backlogs=[0, 1, 200, 201, 799, 800, 801, 10**6]) == [2, 2, 2, 3, 8, 8, 8, 8]


def test_a_backlog_grows_the_pool_to_its_largest_and_every_job_is_done_once(chores: Chores, start: Start) -> None:
    pool = start()
    chores("enqueue", "crawl", "note", 0, 36, 0.3)
    wait_until(lambda: size(pool) == 3 and busy(pool) == 3, "three workers run jobs")
    sizes = {3}
    deadline = time.monotonic() + 2 * PATIENCE
    while chores.depth()["total"]["depth"] or size(pool) > 1:
        assert time.monotonic() < deadline, pool.output
        sizes.add(size(pool))
    assert sizes <= {1, 2, 3}
    assert sorted(report(chores)["notes"]) == list(range(36)), "each job ran once: no worker was let go in the middle"
    assert report(chores)["failed"] == []
    assert pool.output.count("is replaced") == 0
    assert "the backlog asks for 3 workers: 2 more" in pool.output
    chores("enqueue", "crawl", "note", 100, 1, 0)
    wait_until(lambda: 100 in report(chores)["notes"], "the worker that is left goes on")


def test_delayed_jobs_keep_the_pool_large(chores: Chores, start: Start, redis: Redis) -> None:
    pool = start(HORIZON_BACKLOG_PER_PROCESS="1")
    for queue in ("crawl", "index"):
        chores("delay", queue, 3600)
    wait_until(lambda: size(pool) == 2, "two delayed jobs want two workers")
    calm = time.monotonic() + 7
    while time.monotonic() < calm:
        assert size(pool) == 2, pool.output
        time.sleep(0.1)
    for queue in ("crawl", "index"):
        assert redis.execute("DEL", f"rq:scheduled:{queue}") == ":1"
    wait_until(lambda: size(pool) == 1, "the pool shrinks without them")


def test_a_worker_that_runs_a_job_is_not_let_go(chores: Chores, start: Start) -> None:
    pool = start(
        HORIZON_MAX_PROCESSES="2", HORIZON_BACKLOG_PER_PROCESS="2", STOP_TIMEOUT="1", QUEUE_LEASE=str(5 * LEASE)
    )
    chores.hold(0, 2)
    chores.hold(2, 1, "index")
    chores.wait_until_begun(2)
    pids = set(children(pool.popen.pid))
    chores("remove", "index", 2)
    calm = time.monotonic() + 7
    while time.monotonic() < calm:
        assert set(children(pool.popen.pid)) == pids, pool.output
        time.sleep(0.1)
    chores.let_go(0, 1)
    wait_until(lambda: sorted(report(chores)["notes"]) == [0, 1], "both jobs are done, each once")
    wait_until(lambda: size(pool) == 1, "the pool shrinks once they are done")


def test_a_killed_worker_is_replaced_and_its_job_is_not_lost(chores: Chores, start: Start) -> None:
    pool = start()
    chores.hold(7, 1)
    chores.wait_until_begun(1)
    [victim] = children(pool.popen.pid)
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: children(pool.popen.pid) not in ([], [victim]), "another worker is there")
    chores.wait_until_begun(2)
    chores.let_go(7)
    wait_until(lambda: report(chores) == {"notes": [7], "failed": []}, "the job is done")
    assert f"worker process {victim} was ended by signal 9 and is replaced" in pool.output
    assert "job crawl-7 is run again: its worker vanished" in pool.output


def test_workers_of_a_killed_pool_finish_their_job_and_end(chores: Chores, start: Start) -> None:
    pool = start()
    chores.hold(0, 2)
    chores.wait_until_begun(1)
    [worker] = children(pool.popen.pid)
    pool.stop(signal.SIGKILL)
    chores.let_go(0, 1)
    wait_until(lambda: not runs(worker), "the worker ends")
    assert report(chores) == {"notes": [0], "failed": []}
    assert chores.depth()["crawl"]["waiting"] == 1, "it took no other job"


def test_sigterm_drains_every_worker(chores: Chores, start: Start) -> None:
    pool = start(HORIZON_MIN_PROCESSES="3", STOP_TIMEOUT="300", QUEUE_LEASE=str(5 * LEASE))
    chores.hold(0, 9)
    chores.wait_until_begun(3)
    workers = children(pool.popen.pid)
    pool.popen.terminate()
    time.sleep(1)  # The pool hands the request on.
    chores.let_go(0, 1, 2)
    assert pool.popen.wait(PATIENCE) == 0, pool.output
    assert not any(runs(pid) for pid in workers)
    assert sorted(report(chores)["notes"]) == [0, 1, 2]
    assert report(chores)["failed"] == []
    assert chores.depth()["total"] == {"waiting": 6, "delayed": 0, "reserved": 0, "depth": 6, "failed": 0}


def test_a_job_that_outlasts_the_stop_timeout_is_ended_in_a_pool_too(chores: Chores, start: Start) -> None:
    pool = start(STOP_TIMEOUT="1")
    chores("enqueue", "crawl", "note", 0, 1, 300)
    wait_until(lambda: busy(pool) == 1, "the job runs")
    [worker] = children(pool.popen.pid)
    assert pool.stop()[0] == 0, pool.output
    assert not runs(worker)
    assert report(chores) == {"notes": [], "failed": [0]}


def test_a_pool_goes_on_after_redis_was_away(chores: Chores, start: Start, redis: Redis) -> None:
    pool = start()
    redis.stop()
    time.sleep(2)
    redis.start()
    chores("enqueue", "crawl", "note", 0, 30, 0.3)
    wait_until(lambda: size(pool) == 3, "the pool sees the backlog")
    wait_until(lambda: len(report(chores)["notes"]) == 30, "the jobs are done")


def test_a_largest_size_below_the_smallest_is_refused(app: Launcher) -> None:
    done = app.run("worker", HORIZON_MIN_PROCESSES="3", HORIZON_MAX_PROCESSES="2", HORIZON_BACKLOG_PER_PROCESS="0")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "HORIZON_MAX_PROCESSES is '2': it must be a whole number from 3 to 100.",
        "HORIZON_BACKLOG_PER_PROCESS is '0': it must be a whole number from 1 to 1000000.",
    ]
