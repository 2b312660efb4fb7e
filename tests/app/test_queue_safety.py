"""No job is lost: not by a killed worker, not by one that is asked to stop, not between two of its states."""

from __future__ import annotations

import signal
import time

import pytest

from tests.app.processes import Launcher
from tests.app.queues import LEASE, Chores
from tests.support.services import Redis


@pytest.fixture
def chores(app: Launcher) -> Chores:
    return Chores(app)


def wait_for(chores: Chores, expected: list[int], seconds: float = 15, failed: bool = False) -> None:
    deadline = time.monotonic() + seconds
    while (found := chores.report("crawl", "index", "default")["failed" if failed else "notes"]) != expected:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def test_200_jobs_survive_workers_that_are_killed_at_random(chores: Chores) -> None:
    chores("enqueue", "crawl", "note", 0, 200, 0.005)
    report = chores.survive(200, workers=2, seconds=90)
    assert chores.kills >= 5
    assert set(report["notes"]) | set(report["failed"]) == set(range(200))


def test_job_of_a_killed_worker_is_run_again_and_never_beside_itself(chores: Chores) -> None:
    chores("enqueue", "crawl", "note", 7, 1, 1.5)
    worker = chores.app.start("worker")
    wait_for_reserved(chores)
    worker.stop(signal.SIGKILL)
    other = chores.app.start("worker")
    started = time.monotonic()
    wait_for(chores, [7])
    assert time.monotonic() - started > 1.5, "the killed worker's own process finished the job"
    time.sleep(2)
    assert chores.report("crawl") == {"notes": [7], "failed": []}
    assert "job crawl-7 is run again: its worker vanished" in other.output


def test_a_long_job_keeps_its_reservation(chores: Chores) -> None:
    chores("enqueue", "crawl", "note", 1, 1, LEASE + 2.5)
    for _ in range(2):
        chores.app.start("worker")
    wait_for(chores, [1])
    time.sleep(0.5)
    assert chores.report("crawl") == {"notes": [1], "failed": []}
    assert chores.depth()["total"]["depth"] == 0


def test_job_that_kills_its_workers_counts_as_failed(chores: Chores) -> None:
    chores("enqueue", "crawl", "kill_worker", 3, 1)
    deadline = time.monotonic() + 40
    worker = chores.app.start("worker")
    while chores.report("crawl")["failed"] != [3]:
        assert time.monotonic() < deadline, worker.output
        if worker.popen.poll() is not None:
            worker = chores.app.start("worker")
        time.sleep(0.1)
    assert chores.depth()["total"]["depth"] == 0
    assert worker.popen.poll() is None


def test_failing_job_is_in_the_failed_registry(chores: Chores) -> None:
    chores("enqueue", "index", "refuse", 5, 1)
    chores.app.start("worker")
    wait_for(chores, [5], failed=True)
    assert chores.depth()["total"]["depth"] == 0


def test_urgent_queues_come_first(chores: Chores) -> None:
    for name, number in (("default", 3), ("index", 2), ("crawl", 1)):
        chores("enqueue", name, "note", number, 1, 0)
    chores.app.start("worker")
    wait_for(chores, [1, 2, 3])


def test_delayed_job_is_run_when_it_is_due_and_counts_as_backlog_before(chores: Chores) -> None:
    chores("delay", "crawl", 2)
    chores.app.start("worker")
    time.sleep(0.5)
    assert chores.depth()["crawl"] == {"waiting": 0, "delayed": 1, "reserved": 0, "depth": 1, "failed": 0}
    wait_for(chores, [1])
    assert chores.depth()["crawl"]["depth"] == 0


def test_depth_counts_waiting_and_reserved_jobs(chores: Chores) -> None:
    chores("enqueue", "crawl", "note", 0, 3, 3)
    chores.app.start("worker")
    wait_for_reserved(chores)
    assert chores.depth()["crawl"] == {"waiting": 2, "delayed": 0, "reserved": 1, "depth": 3, "failed": 0}
    assert chores.depth()["total"] == {"waiting": 2, "delayed": 0, "reserved": 1, "depth": 3, "failed": 0}


def test_worker_that_is_asked_to_stop_leaves_the_rest_on_the_queue(chores: Chores) -> None:
    chores("enqueue", "crawl", "note", 0, 5, 0.6)
    worker = chores.app.start("worker")
    wait_for_reserved(chores)
    status, seconds = worker.stop()
    assert status == 0 and seconds < 2
    done = len(chores.report("crawl")["notes"])
    assert chores.depth()["crawl"] == {"waiting": 5 - done, "delayed": 0, "reserved": 0, "depth": 5 - done, "failed": 0}


def test_jobs_survive_a_restart_of_redis(chores: Chores, redis: Redis) -> None:
    chores("enqueue", "crawl", "note", 0, 40, 0.02)
    worker = chores.app.start("worker")
    wait_for_reserved(chores)
    redis.stop()
    time.sleep(0.5)
    redis.start()
    deadline = time.monotonic() + 30
    while chores.depth()["total"]["depth"]:
        assert time.monotonic() < deadline, worker.output
        time.sleep(0.1)
    report = chores.report("crawl")
    assert set(report["notes"]) | set(report["failed"]) == set(range(40))
    assert worker.popen.poll() is None, worker.output


def wait_for_reserved(chores: Chores) -> None:
    deadline = time.monotonic() + 15
    while not chores.depth()["total"]["reserved"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
