"""An RQ worker that stops without losing a job.

RQ stops an idle worker by raising an exception from its signal handler, wherever the worker is at that moment: a job
that was just taken off its queue would be lost, and code that catches exceptions can swallow the request. Here the
handler only notes the request. Redis is then asked to end the worker's wait for jobs, so it ends at once and between
two jobs.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from rq import Queue, Worker
from rq.exceptions import DequeueTimeout
from rq.executions import Execution
from rq.job import Job
from rq.worker.base import WorkerStatus

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
GRACE = 2.0
AWAY = (RedisConnectionError, RedisTimeoutError)
log = logging.getLogger(__name__)


class DrainingWorker(Worker):
    """Finishes the job that is running when it is asked to stop, and takes no other."""

    @property
    def asked_to_stop(self) -> bool:
        """True once SIGTERM or SIGINT arrived."""
        return self._stop_requested

    def serve(self, control: Redis, stop_timeout: float) -> None:
        """Run jobs until a signal arrives; a job that takes longer than `stop_timeout` after it is ended."""
        self._left = threading.Event()
        self._request, self._requested = os.pipe()
        threading.Thread(target=self._wind_down, args=(control, stop_timeout), daemon=True).start()
        try:
            self.work(logging_level="WARNING")
        finally:
            self._left.set()

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Note the signal; a repeated one changes nothing."""
        if not self._stop_requested:
            self._stop_requested = True
            os.write(self._requested, b"x")

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """Wait for the next job, also while Redis is away; None when the worker was asked to stop."""
        self.set_state(WorkerStatus.IDLE)
        pause = FIRST_PAUSE
        while not self._stop_requested:
            try:
                self.heartbeat()
                if self.should_run_maintenance_tasks:
                    self.run_maintenance_tasks()
                return self.queue_class.dequeue_any(
                    self.queues, timeout, connection=self.connection, serializer=self.serializer
                )
            except DequeueTimeout:
                pause = FIRST_PAUSE
            except AWAY as error:
                log.warning("Redis does not answer (%s), trying again in %g s", error, pause)
                self._rest(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
        return None

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """Say that this worker lives; while Redis is away nobody needs to know."""
        with _patience():
            super().heartbeat(timeout, pipeline)

    def maintain_heartbeats(self, job: Job, execution: Execution) -> None:
        """Say that the job that is running lives."""
        with _patience():
            super().maintain_heartbeats(job, execution)

    def set_state(self, state: str, pipeline: Pipeline | None = None) -> None:
        """Note what this worker is doing."""
        with _patience():
            super().set_state(state, pipeline)

    def run_maintenance_tasks(self) -> None:
        """Look after the queues' registries."""
        with _patience():
            super().run_maintenance_tasks()  # type: ignore[no-untyped-call]

    def check_for_suspension(self, burst: bool) -> None:
        """Wait while all workers are suspended."""
        with _patience():
            super().check_for_suspension(burst)

    def subscribe(self) -> None:
        """Take no commands over Redis: signals say what to do, and a thread and a connection less are needed."""

    def procline(self, message: str) -> None:
        """The name of the process stays what it is."""

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._stop_requested and time.monotonic() < until:
            time.sleep(0.05)

    def _wind_down(self, control: Redis, stop_timeout: float) -> None:
        """In a thread of its own: once a stop is requested, see to it that the worker ends."""
        os.read(self._request, 1)
        deadline = time.monotonic() + stop_timeout
        while time.monotonic() < deadline:
            self._end_wait(control)
            if self._left.wait(0.05):
                return
        if self.horse_pid:
            log.warning("a job did not end within %g seconds and is stopped", stop_timeout)
            self.kill_horse()
        if not self._left.wait(GRACE):
            log.error("the worker does not end and is stopped")
            os.kill(os.getpid(), signal.SIGKILL)

    def _end_wait(self, control: Redis) -> None:
        """End this worker's wait for a job; Redis never ends it in the middle of giving one."""
        if self.horse_pid:
            return
        with contextlib.suppress(RedisError):
            for client in control.client_list():
                if client["name"].endswith(self.name) and "b" in client["flags"]:
                    control.client_unblock(int(client["id"]))


@contextlib.contextmanager
def _patience() -> Iterator[None]:
    """Go on without Redis: the next wait for a job notices, and waits until it is back."""
    try:
        yield
    except AWAY as error:
        log.warning("Redis does not answer (%s)", error)
