"""No job is lost: not by a killed worker, not by one that is asked to stop, not between two of its states."""

from __future__ import annotations

import signal
import time

import pytest

from tests.app.processes import Launcher
from tests.app.queues import LEASE, Chores
from tests.support.processes import PATIENCE, wait_until
from tests.support.services import Redis


@pytest.fixture
def chores(app: Launcher) -> Chores:
    return Chores(app)


def wait_for(chores: Chores, expected: list[int], failed: bool = False) -> None:
    what = "failed" if failed else "notes"
    wait_until(lambda: chores.report("crawl", "index", "default")[what] == expected, f"the {what} are {expected}")


def test_200_jobs_survive_workers_that_are_killed_at_random(chores: Chores) -> None:
    chores("enqueue", "crawl", "note", 0, 200, 0.005)
    report = chores.survive(200, workers=2, seconds=240)
    assert chores.kills >= 2
    assert set(report["notes"]) | set(report["failed"]) == set(range(200))


def test_job_of_a_killed_worker_is_run_again_and_never_beside_itself(chores: Chores) -> None:
    chores.hold(7, 1)
    worker = chores.app.start("worker")
    chores.wait_until_begun(1)
    worker.stop(signal.SIGKILL)
    other = chores.app.start("worker")
    chores.wait_until_begun(2)
    chores.let_go(7)
    wait_for(chores, [7])
    time.sleep(1)
    assert chores.report("crawl") == {"notes": [7], "failed": []}, "the job's first process ended with its worker"
    assert "job crawl-7 is run again: its worker vanished" in other.output


def test_a_long_job_keeps_its_reservation(chores: Chores) -> None:
    lease = 2 * LEASE
    chores.hold(1, 1)
    for _ in range(2):
        chores.app.start("worker", QUEUE_LEASE=str(lease))
    chores.wait_until_begun(1)
    time.sleep(lease + 1.5)
    chores.let_go(1)
    wait_for(chores, [1])
    assert chores.begun() == 1
    assert chores.report("crawl") == {"notes": [1], "failed": []}
    wait_until(lambda: chores.depth()["total"]["depth"] == 0, "nothing is left")


def test_job_that_kills_its_workers_counts_as_failed(chores: Chores) -> None:
    chores("enqueue", "crawl", "kill_worker", 3, 1)
    deadline = time.monotonic() + 2 * PATIENCE
    worker = chores.app.start("worker")
    while chores.report("crawl")["failed"] != [3]:
        assert time.monotonic() < deadline, worker.output
        if worker.popen.poll() is not None:
            worker = chores.app.start("worker")
        time.sleep(0.1)
    wait_until(lambda: chores.depth()["total"]["depth"] == 0, "nothing is left")
    assert worker.popen.poll() is None


def test_failing_job_is_in_the_failed_registry(chores: Chores) -> None:
    chores("enqueue", "index", "refuse", 5, 1)
    chores.app.start("worker")
    wait_for(chores, [5], failed=True)
    wait_until(lambda: chores.depth()["total"]["depth"] == 0, "nothing is left")


def test_urgent_queues_come_first(chores: Chores) -> None:
    for name, number in (("default", 3), ("index", 2), ("crawl", 1)):
        chores("enqueue", name, "note", number, 1, 0)
    chores.app.start("worker")
    wait_for(chores, [1, 2, 3])


def test_delayed_job_is_run_when_it_is_due_and_counts_as_backlog_before(chores: Chores) -> None:
    chores("delay", "index", 3600)
    chores("delay", "crawl", 2)
    depth = {"waiting": 0, "delayed": 1, "reserved": 0, "depth": 1, "failed": 0}
    assert [chores.depth()[name] for name in ("crawl", "index")] == [depth, depth]
    chores.app.start("worker")
    wait_for(chores, [1])
    wait_until(lambda: chores.depth()["crawl"]["depth"] == 0, "nothing is left of it")
    assert chores.depth()["index"] == depth, "it is not due"


def test_depth_counts_waiting_and_reserved_jobs(chores: Chores) -> None:
    chores.hold(0, 3)
    chores.app.start("worker")
    chores.wait_until_begun(1)
    assert chores.depth()["crawl"] == {"waiting": 2, "delayed": 0, "reserved": 1, "depth": 3, "failed": 0}
    assert chores.depth()["total"] == {"waiting": 2, "delayed": 0, "reserved": 1, "depth": 3, "failed": 0}


def test_worker_that_is_asked_to_stop_leaves_the_rest_on_the_queue(chores: Chores) -> None:
    chores.hold(0, 5)
    worker = chores.app.start("worker", STOP_TIMEOUT="300")
    chores.wait_until_begun(1)
    worker.popen.terminate()
    chores.let_go(*range(5))
    assert worker.popen.wait(PATIENCE) == 0
    assert chores.report("crawl")["notes"] == [0]
    assert chores.depth()["crawl"] == {"waiting": 4, "delayed": 0, "reserved": 0, "depth": 4, "failed": 0}


def test_jobs_survive_a_restart_of_redis(chores: Chores, redis: Redis) -> None:
    chores("enqueue", "crawl", "note", 0, 40, 0.02)
    worker = chores.app.start("worker")
    chores.wait_for_reserved()
    redis.stop()
    time.sleep(0.5)
    redis.start()
    wait_until(lambda: not chores.depth()["total"]["depth"], "every job is over")
    report = chores.report("crawl")
    assert set(report["notes"]) | set(report["failed"]) == set(range(40))
    assert worker.popen.poll() is None, worker.output
