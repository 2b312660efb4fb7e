"""`/ready` tells the truth about what the process depends on, quickly, and recovers by itself."""

from __future__ import annotations

import time

from tests.app.conftest import HEAD
from tests.app.processes import Launcher
from tests.support.services import Postgres, Redis

UNMIGRATED = f"The database has no schema yet: this release needs revision {HEAD}. Run the migration first."


def test_unmigrated_database_is_not_ready(app: Launcher, empty_database: str) -> None:
    web = app.start("web", DB_DATABASE=empty_database)
    answer = web.wait_until("/ready", 503)
    assert answer.json == {
        "status": "not ready",
        "release": "r-1",
        "process": "app",
        "checks": {"database": "ok", "redis": "ok", "migrations": UNMIGRATED},
    }


def test_newer_schema_keeps_this_release_ready(app: Launcher, postgres: Postgres, database: str) -> None:
    web = app.start("web", wait="/ready")
    postgres.execute("UPDATE alembic_version SET version_num = '9999'", database)
    assert web.get("/ready").status == 200


def test_emptied_version_is_not_ready(app: Launcher, postgres: Postgres, database: str) -> None:
    web = app.start("web", wait="/ready")
    postgres.execute("DELETE FROM alembic_version", database)
    assert web.get("/ready").json["checks"]["migrations"] == UNMIGRATED


def test_redis_that_is_gone_and_comes_back(app: Launcher, redis: Redis) -> None:
    web, realtime = app.start("web", wait="/ready"), app.start("realtime", wait="/ready")
    redis.kill()
    try:
        answer = web.wait_until("/ready", 503)
        assert answer.json["checks"] == {"database": "ok", "redis": "Redis does not answer.", "migrations": "ok"}
        assert realtime.wait_until("/ready", 503).json["status"] == "not ready"
        assert web.get("/up").status == realtime.get("/up").status == 200
    finally:
        redis.start()
    web.wait_until("/ready")
    realtime.wait_until("/ready")


def test_realtime_without_its_subscription_is_not_ready(app: Launcher, redis: Redis) -> None:
    """Redis answers, but the subscription was cut and is refused."""
    realtime = app.start("realtime", wait="/ready")
    redis.execute("ACL", "SETUSER", "default", "-subscribe")
    try:
        redis.execute("CLIENT", "KILL", "TYPE", "pubsub")
        checks = realtime.wait_until("/ready", 503).json["checks"]
        assert checks["redis"].startswith("The subscription to Redis ")
    finally:
        redis.execute("ACL", "SETUSER", "default", "+subscribe")
    realtime.wait_until("/ready")


def test_database_that_is_gone_and_comes_back(app: Launcher, postgres: Postgres) -> None:
    web = app.start("web", wait="/ready")
    postgres.stop()
    try:
        answer = web.wait_until("/ready", 503)
        assert answer.json["checks"] == {
            "database": "The database does not answer.",
            "redis": "ok",
            "migrations": "The revision of the database cannot be read.",
        }
        assert web.get("/").status == 503
        time.sleep(1)
    finally:
        postgres.start()
    web.wait_until("/ready")


def test_servers_that_hang_are_told_within_the_deadline(app: Launcher, postgres: Postgres, redis: Redis) -> None:
    web, realtime = app.start("web", wait="/ready"), app.start("realtime", wait="/ready")
    with postgres.frozen(), redis.frozen():
        for _ in range(2):
            answer = web.get("/ready")
            assert answer.status == 503
            assert answer.json["checks"]["database"] == "The database does not answer: no answer within 2 seconds."
            assert answer.json["checks"]["redis"].startswith("Redis does not answer")
        answer = realtime.get("/ready")
        assert answer.status == 503
        assert answer.json["checks"]["redis"].startswith("The subscription to Redis does not answer")
        assert web.get("/up").status == 200
    web.wait_until("/ready")
    realtime.wait_until("/ready")


def test_wrong_passwords_are_not_ready_and_stay_secret(app: Launcher) -> None:
    web = app.start("web", DB_PASSWORD="not-the-password", REDIS_PASSWORD="")
    checks = web.wait_until("/ready", 503).json["checks"]
    assert checks["database"] == "The database does not answer."
    assert checks["redis"] == "Redis does not answer."
    assert "not-the-password" not in web.output
