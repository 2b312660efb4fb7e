"""The worker: takes jobs off its queues, first queue first, each in a process of its own.

SIGTERM ends an idle worker at once. A busy one finishes its job; when that would take longer than STOP_TIMEOUT the job
is ended and recorded as failed.
"""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from rq.serializers import JSONSerializer

from pitchbar_app.draining import DrainingWorker
from pitchbar_app.jobs import canary as canary  # imported before the first fork: a job starts without importing
from pitchbar_app.jobs import context, failing
from pitchbar_app.jobs import crawl_page as crawl_page
from pitchbar_app.jobs import index_document as index_document
from pitchbar_app.queueing import queue
from pitchbar_app.redis_clients import blocking
from pitchbar_app.settings import Worker

REGISTRATION_TTL = 60
PAUSE = 0.5
Kind = TypeVar("Kind", bound=DrainingWorker)
log = logging.getLogger(__name__)


def run(settings: Worker, name: str | None = None) -> int:
    """Serve the queues until SIGTERM; the result is the process's exit status. `name`: by which Redis knows this one
    worker."""
    context.configure(settings)
    name = name or f"{settings.app.process}-{os.getpid()}-{secrets.token_hex(4)}"
    connection = blocking(settings.redis, replace(settings.app, process=name))
    _wait_for(connection)
    worker = build(DrainingWorker, settings, settings.queues, name, connection)
    log.info("release %s serves %s", settings.app.release, ", ".join(settings.queues))
    try:
        worker.serve(settings.app.stop_timeout, settings.lease)
    except RedisError as error:
        log.warning("Redis does not answer: %s", error)
    if worker.asked_to_stop:
        return 0
    log.error("the worker ended without being asked to")
    return 1


def build(kind: type[Kind], settings: Worker, queues: Sequence[str], name: str, connection: Redis) -> Kind:
    """A worker of that kind on these queues; it renews its lease several times before that runs out."""
    return kind(
        [queue(each, connection) for each in queues],
        name=name,
        connection=connection,
        serializer=JSONSerializer,
        worker_ttl=REGISTRATION_TTL,
        job_monitoring_interval=max(1, settings.lease // 6),
        log_job_description=False,
        work_horse_killed_handler=failing.on_killed,
    )


def _wait_for(connection: Redis) -> None:
    """Wait until Redis answers: a worker that starts before it must not end and be given up."""
    while True:
        try:
            connection.ping()
        except (RedisConnectionError, RedisTimeoutError) as error:
            log.warning("Redis does not answer (%s), trying again", error)
            time.sleep(PAUSE)
        else:
            return
