"""The function that counts jobs for CloudWatch, on the same Redis as the app that it counts for."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from infra.targets.aws.probe import handler
from tests.app.processes import Launcher
from tests.app.queues import Chores
from tests.support.services import Redis

QUEUES = ("crawl", "index", "default")


@pytest.fixture
def ask(redis: Redis) -> Iterator[handler.Ask]:
    """A connection as the function makes it."""
    with contextlib.closing(handler.connect(redis.host, redis.port, tls=False)) as connection:
        ask = handler.speaker(connection)
        ask("AUTH", redis.password)
        yield ask


def test_it_counts_as_the_app_does(app: Launcher, ask: handler.Ask) -> None:
    """Waiting, delayed and reserved: a worker has one job, one is to be tried again later, two wait."""
    chores = Chores(app)
    chores("delay", "crawl", 900)
    chores.hold(0, 1, "index")
    app.start("worker", QUEUES="index")
    chores.wait_until_begun(1)
    chores("enqueue", "crawl", "note", 10, 2, 0)
    found = handler.measure(ask, "bundled", QUEUES, time.time())["queues"]
    counted = {name: {part: found[name][part] for part in ("waiting", "delayed", "reserved")} for name in QUEUES}
    said = chores.depth()
    assert counted == {name: {part: said[name][part] for part in counted[name]} for name in QUEUES}
    assert counted["crawl"] == {"waiting": 2, "delayed": 1, "reserved": 0}
    assert counted["index"]["reserved"] == 1


def test_the_age_of_the_oldest_job_that_waits(app: Launcher, ask: handler.Ask) -> None:
    chores = Chores(app)
    chores("enqueue", "crawl", "note", 0, 2, 0)
    later = time.time() + 100
    found = handler.measure(ask, "bundled", QUEUES, later)["queues"]
    assert 95 < found["crawl"]["oldest"] < 160
    assert found["index"]["oldest"] == 0


def test_the_age_of_the_last_tick(app: Launcher, ask: handler.Ask) -> None:
    assert app.run("queue:tick", "--max-time", "1").returncode == 0
    assert handler.measure(ask, "bundled", QUEUES, time.time() + 100)["tick_age"] > 99


def test_laravels_queues(redis: Redis, ask: handler.Ask) -> None:
    """As Laravel writes them: a list, and sorted sets by the time at which a job is due or given up."""
    redis.execute("DEL", *(f"queues:crawl{part}" for part in ("", ":delayed", ":reserved")))
    redis.execute("RPUSH", "queues:crawl", json.dumps({"id": "1", "pushedAt": "1000.5"}))
    redis.execute("RPUSH", "queues:crawl", json.dumps({"id": "2", "pushedAt": "1100"}))
    redis.execute("ZADD", "queues:crawl:delayed", "5000", "3")
    redis.execute("ZADD", "queues:crawl:reserved", "5000", "4")
    found = handler.measure(ask, "laravel", ["crawl"], 1200.0)
    redis.execute("DEL", *(f"queues:crawl{part}" for part in ("", ":delayed", ":reserved")))
    assert found == {"queues": {"crawl": {"waiting": 2, "delayed": 1, "reserved": 1, "oldest": 199.5}}}


def test_metrics_are_in_the_embedded_format() -> None:
    depth = {"waiting": 2, "delayed": 1, "reserved": 3, "oldest": 40.0}
    empty = {"waiting": 0, "delayed": 0, "reserved": 0, "oldest": 0.0}
    lines = handler.metrics({"queues": {"crawl": depth, "index": empty}, "tick_age": 12.0}, "staging", 1000.0)
    assert lines[0] == {
        "_aws": {
            "Timestamp": 1_000_000,
            "CloudWatchMetrics": [
                {
                    "Namespace": "Pitchbar",
                    "Dimensions": [["Stack"]],
                    "Metrics": [
                        {"Name": "Waiting", "Unit": "Count"},
                        {"Name": "Delayed", "Unit": "Count"},
                        {"Name": "Reserved", "Unit": "Count"},
                        {"Name": "Backlog", "Unit": "Count"},
                        {"Name": "OldestAge", "Unit": "Seconds"},
                        {"Name": "TickAge", "Unit": "Seconds"},
                    ],
                }
            ],
        },
        "Stack": "staging",
        "Waiting": 2,
        "Delayed": 1,
        "Reserved": 3,
        "Backlog": 6,
        "OldestAge": 40.0,
        "TickAge": 12.0,
    }
    assert [line.get("Queue") for line in lines] == [None, "crawl", "index"]
    assert lines[1]["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["Stack", "Queue"]]


@mock_aws
def test_the_whole_function(redis: Redis, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    made = boto3.client("secretsmanager").create_secret(
        Name="st", SecretString=json.dumps({"REDIS_PASSWORD": redis.password})
    )
    source = f"{made['ARN']}:REDIS_PASSWORD::{made['VersionId']}"
    settings = {
        "STACK": "st",
        "RUNTIME": "bundled",
        "QUEUES": "crawl,index",
        "REDIS_HOST": redis.host,
        "REDIS_PORT": str(redis.port),
        "REDIS_SCHEME": "tcp",
        "REDIS_PASSWORD_FROM": source,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    found = handler.handle({}, None)
    said: list[dict[str, Any]] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line.get("Queue") for line in said] == [None, "crawl", "index"]
    assert said[0]["Waiting"] == sum(depth["waiting"] for depth in found["queues"].values())


def test_a_refusal_is_an_error(redis: Redis) -> None:
    with (
        contextlib.closing(handler.connect(redis.host, redis.port, tls=False)) as connection,
        pytest.raises(handler.RedisError, match="WRONGPASS"),
    ):
        handler.speaker(connection)("AUTH", "wrong")


def test_moments_are_in_utc() -> None:
    seconds = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()
    for text in ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05", b"2026-01-02T04:04:05.000+01:00"):
        assert handler._moment(text) == seconds
