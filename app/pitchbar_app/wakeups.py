"""Tells idle workers that there is something to do, so that they need not ask again and again.

Whoever puts a job on a queue publishes that on the queue's channel in the same step. A message is a hint and no more:
the worker then takes a job as always, or finds that another one was quicker. A message that nobody heard costs time and
no job, because an idle worker also looks now and then, and when a delayed job is due.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from datetime import datetime

from redis import ConnectionPool, Redis
from redis.client import Pipeline, PubSub
from redis.exceptions import RedisError
from rq import Queue
from rq.job import Job

CHANNEL = "pitchbar:wake:"
_CONFIRMATION = 2.0


class WakingQueue(Queue):
    """A queue that wakes idle workers when it gets a job, now or for later."""

    def push_job_id(self, job_id: str, pipeline: Pipeline | None = None, at_front: bool = False) -> None:
        """Put the job on the queue."""
        super().push_job_id(job_id, pipeline, at_front)
        self._wake(pipeline)

    def schedule_job(self, job: Job, datetime: datetime, pipeline: Pipeline | None = None, unique: bool = False) -> Job:
        """Put the job among the delayed ones; idle workers learn when to look."""
        scheduled = super().schedule_job(job, datetime, pipeline, unique)
        self._wake(pipeline)
        return scheduled

    def _wake(self, pipeline: Pipeline | None) -> None:
        if pipeline is not None:
            pipeline.publish(CHANNEL + self.name, "")
            return
        with contextlib.suppress(RedisError):  # The job is on its queue, and that is what the caller must know.
            self.connection.publish(CHANNEL + self.name, "")


class Wakeups:
    """Hears that there may be something to do on any of these queues. It has a connection of its own."""

    def __init__(self, connection: Redis, queues: Iterable[str]) -> None:
        known = connection.connection_pool
        self._pool = ConnectionPool(known.connection_class, 1, **known.connection_kwargs)
        self._channels = tuple(CHANNEL + name for name in queues)
        self._messages: PubSub | None = None
        self._listening = False

    def wait(self, seconds: float) -> None:
        """Wait for a message, at most so long. The first call only begins to listen and returns at once: look again for
        what came before."""
        if not self._listening:
            self._listen()
        elif self._messages:
            self._messages.get_message(timeout=seconds)

    def pause(self) -> None:
        """Hear nothing until the next wait: a busy worker would let messages pile up."""
        if self._listening and self._messages:
            self._listening = False
            try:
                self._messages.unsubscribe()  # type: ignore[no-untyped-call]
            except RedisError:
                self.close()

    def close(self) -> None:
        """Give the connection up; the next wait makes another one."""
        self._listening = False
        if self._messages:
            self._messages.close()
            self._messages = None

    def _listen(self) -> None:
        messages = self._messages = self._messages or PubSub(self._pool)
        try:
            messages.subscribe(*self._channels)
            deadline, confirmed = time.monotonic() + _CONFIRMATION, 0
            while confirmed < len(self._channels) and (left := deadline - time.monotonic()) > 0:
                message = messages.get_message(timeout=left)
                confirmed += bool(message and message["type"] == "subscribe")
        except BaseException:
            self.close()
            raise
        self._listening = True
