"""The worker: the canary's whole chain, and stopping."""

from __future__ import annotations

import json
import signal
import time
from typing import Any

import psycopg

from tests.app.processes import TOKEN, Launcher, Process, receive, subscribe
from tests.support.processes import PATIENCE
from tests.support.services import Postgres, Redis

CANARY = "/api/v1/internal/canary"
ENDLESS = {"STOP_TIMEOUT": "3600", "QUEUE_LEASE": "3600"}
"""With it a worker that does not hear that it is to stop goes on for longer than any test waits."""


def order(web: Process, queue: str | None = None) -> str:
    body = {"queue": queue or web.environment["CANARY_QUEUE"], "channel": "checks"}
    answer = web.request("POST", CANARY, json.dumps(body), TOKEN)
    assert answer.status == 202, answer.body
    return str(answer.json["id"])


def wait_for(web: Process, canary: str, *statuses: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while True:
        answer: dict[str, Any] = web.get(f"{CANARY}/{canary}", TOKEN).json
        if answer["status"] in statuses:
            return answer
        assert time.monotonic() < deadline, answer
        time.sleep(0.005)


def test_canary_goes_through_database_and_realtime(
    web: Process, realtime: Process, worker: Process, postgres: Postgres, shared: Launcher
) -> None:
    client = realtime.connect()
    subscribe(client, "checks")
    canary = order(web)
    assert receive(client) == {
        "event": "canary",
        "channel": "checks",
        "data": {"id": canary, "release": "r-1", "process": "worker"},
    }
    assert wait_for(web, canary, "finished", "failed") == {
        "id": canary,
        "status": "finished",
        "release": "r-1",
        "error": None,
    }
    query = "SELECT replace(id::text, '-', ''), release FROM canaries"
    written = postgres.execute(query, shared.environment["DB_DATABASE"])
    assert f"{canary}|r-1" in written.splitlines()


def test_every_queue_is_served_as_soon_as_it_has_a_job(app: Launcher) -> None:
    """With this lease an idle worker that hears nothing looks every ten minutes."""
    web = app.start("web", wait="/ready")
    app.start("worker", QUEUE_LEASE="3600")
    for queue in ("crawl", "index", "default", app.environment["CANARY_QUEUE"]):
        for _ in range(2):
            wait_for(web, order(web, queue), "finished")


def test_queue_that_nobody_serves_stays_queued(web: Process, worker: Process) -> None:
    canary = order(web, "canary-of-another-release")
    time.sleep(0.3)
    assert web.get(f"{CANARY}/{canary}", TOKEN).json == {
        "id": canary,
        "status": "queued",
        "release": None,
        "error": None,
    }


def test_old_canaries_are_deleted(web: Process, worker: Process, postgres: Postgres, shared: Launcher) -> None:
    database = shared.environment["DB_DATABASE"]
    postgres.execute(
        "INSERT INTO canaries VALUES (gen_random_uuid(), 'old', now() - interval '2 hours'), "
        "(gen_random_uuid(), 'recent', now())",
        database,
    )
    wait_for(web, order(web), "finished")
    found = postgres.execute("SELECT DISTINCT release FROM canaries", database).splitlines()
    assert "old" not in found and "recent" in found


def test_worker_without_a_database_says_so(app: Launcher) -> None:
    web = app.start("web", wait="/ready")
    app.start("worker", DB_DATABASE="nothing_here", APP_RELEASE="r-2")
    canary = order(web)
    assert wait_for(web, canary, "finished", "failed") == {
        "id": canary,
        "status": "failed",
        "release": "r-2",
        "error": "The worker could not write to the database.",
    }


def test_canary_queue_separates_two_releases(app: Launcher) -> None:
    web = app.start("web", wait="/ready")
    for release in ("r-1", "r-2"):
        app.start("worker", CANARY_QUEUE=f"canary-of-{release}", APP_RELEASE=release)
    for release in ("r-1", "r-2", "r-1", "r-2"):
        assert wait_for(web, order(web, f"canary-of-{release}"), "finished")["release"] == release


def test_idle_worker_stops_at_once_every_time(app: Launcher) -> None:
    web = app.start("web", wait="/ready")
    for turn in range(4):
        worker = app.start("worker", **ENDLESS)
        wait_for(web, order(web), "finished")
        time.sleep(0.02 * turn)
        assert worker.stop(signal.SIGINT if turn % 2 else signal.SIGTERM)[0] == 0, worker.output


def test_worker_that_is_asked_to_stop_while_it_starts_stops(app: Launcher) -> None:
    for delay in (0.05, 0.1, 0.15, 0.2, 0.3):
        worker = app.start("worker", **ENDLESS)
        time.sleep(delay)
        assert worker.stop()[0] in (0, -signal.SIGTERM), worker.output


def test_busy_worker_finishes_its_job_and_takes_no_other(app: Launcher, postgres: Postgres, database: str) -> None:
    web, worker = app.start("web", wait="/ready"), app.start("worker", STOP_TIMEOUT="300")
    with _lock(postgres, database) as lock:
        canary = order(web)
        wait_for(web, canary, "started")
        worker.popen.terminate()
        other = order(web)
        time.sleep(0.7)
        assert worker.popen.poll() is None
        lock.rollback()
    assert worker.popen.wait(PATIENCE) == 0
    assert wait_for(web, canary, "finished", "failed")["status"] == "finished"
    assert wait_for(web, other, "finished", "failed", "queued")["status"] == "queued"


def test_job_that_outlasts_the_stop_timeout_is_ended(app: Launcher, postgres: Postgres, database: str) -> None:
    web, worker = app.start("web", wait="/ready"), app.start("worker", STOP_TIMEOUT="1")
    with _lock(postgres, database):
        canary = order(web)
        wait_for(web, canary, "started")
        status, seconds = worker.stop()
    assert status == 0
    assert seconds > 0.9
    assert wait_for(web, canary, "failed") == {
        "id": canary,
        "status": "failed",
        "release": None,
        "error": "The worker ended while it ran the job.",
    }


def test_worker_goes_on_after_redis_was_away(app: Launcher, redis: Redis) -> None:
    web, worker = app.start("web", wait="/ready"), app.start("worker")
    wait_for(web, order(web), "finished")
    redis.kill()
    answer = web.request("POST", CANARY, '{"queue": "canary-1", "channel": "c"}', TOKEN)
    assert answer.status == 503
    assert answer.json == {"error": "The queue does not answer: Redis is not reachable."}
    time.sleep(2)  # longer than the client tries again by itself
    redis.start()
    web.wait_until("/ready")
    wait_for(web, order(web), "finished")
    assert worker.popen.poll() is None


def test_worker_that_starts_before_redis_waits_for_it(app: Launcher, redis: Redis) -> None:
    redis.stop()
    try:
        worker, stopped = app.start("worker"), app.start("worker")
        time.sleep(2)
        assert worker.popen.poll() is None, worker.output
        assert stopped.stop()[0] == 0
    finally:
        redis.start()
    web = app.start("web", wait="/ready")
    wait_for(web, order(web), "finished")


def test_worker_stops_while_redis_is_away(app: Launcher, redis: Redis) -> None:
    web, worker = app.start("web", wait="/ready"), app.start("worker", **ENDLESS)
    wait_for(web, order(web), "finished")
    redis.kill()
    try:
        time.sleep(0.3)
        assert worker.stop()[0] == 0, worker.output
    finally:
        redis.start()


def test_killed_worker_is_replaced_within_its_registration(app: Launcher) -> None:
    web = app.start("web", wait="/ready")
    for _ in range(2):
        worker = app.start("worker")
        wait_for(web, order(web), "finished")
        worker.stop(signal.SIGKILL)


def _lock(postgres: Postgres, database: str) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection that holds the canaries' table, so that a canary waits."""
    connection = psycopg.connect(
        host=postgres.host, port=postgres.port, user=postgres.user, password=postgres.password, dbname=database
    )
    connection.execute("LOCK TABLE canaries")
    return connection
