"""The canary: proves that this worker can write and read the database and reach the realtime servers."""

from __future__ import annotations

import logging

import psycopg
import redis

from pitchbar_app.broadcast import event, topic
from pitchbar_app.database import connect
from pitchbar_app.jobs.context import settings
from pitchbar_app.redis_clients import blocking
from pitchbar_app.settings import Worker

log = logging.getLogger(__name__)


class CanaryFailed(Exception):
    """The canary could not do one of its steps; the text is a sentence for the one who asked."""


def run(canary_id: str, channel: str) -> dict[str, str | None]:
    """Write a row, read it back, delete old ones, and tell the channel; the result names this release."""
    worker = settings()
    error: str | None = None
    try:
        _touch_database(worker, canary_id)
        _tell(worker, canary_id, channel)
    except CanaryFailed as failure:
        error = str(failure)
    return {"release": worker.app.release, "error": error}


def _touch_database(worker: Worker, canary_id: str) -> None:
    release = worker.app.release
    try:
        with connect(worker.database, worker.app) as connection:
            connection.execute("INSERT INTO canaries (id, release) VALUES (%s, %s)", (canary_id, release))
            row = connection.execute("SELECT release FROM canaries WHERE id = %s", (canary_id,)).fetchone()
            connection.execute("DELETE FROM canaries WHERE created_at < now() - interval '1 hour'")
    except psycopg.Error as error:
        log.warning("canary %s: %s", canary_id, error)
        raise CanaryFailed("The worker could not write to the database.") from error
    if row is None or row[0] != release:
        raise CanaryFailed("The worker wrote a row to the database and did not find it again.")


def _tell(worker: Worker, canary_id: str, channel: str) -> None:
    message = event([channel], "canary", {"id": canary_id, "release": worker.app.release, "process": "worker"})
    try:
        with blocking(worker.redis, worker.app) as client:
            client.publish(topic(worker.realtime_app_id), message.encode())
    except redis.RedisError as error:
        log.warning("canary %s: %s", canary_id, error)
        raise CanaryFailed("The worker could not publish to Redis.") from error
