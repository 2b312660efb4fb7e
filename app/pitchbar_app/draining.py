"""An RQ worker that loses no job: neither when it is asked to stop, nor when it is killed, nor when Redis is away.

RQ stops an idle worker by raising an exception from its signal handler, wherever the worker is at that moment, and a
job that was just taken off its queue is in no list until it runs. Here the handler only notes the request, which is
looked at between two jobs, and jobs are taken by `pitchbar_app.reserving`.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

from redis.client import Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from rq import Queue, Worker
from rq.callbacks import execute_failure_callback
from rq.exceptions import AbandonedJobError, NoSuchJobError
from rq.executions import Execution
from rq.job import Job
from rq.registry import StartedJobRegistry
from rq.worker.base import WorkerStatus

from pitchbar_app import life
from pitchbar_app.reserving import Reservations, Taken, forget_executions, reserved_ids
from pitchbar_app.waiting import Interruption
from pitchbar_app.wakeups import Wakeups

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
GRACE = 2.0
MOST_INTERRUPTIONS = 3
"""A job that so many workers had when they vanished is the likely reason, and counts as failed."""
AWAY = (RedisConnectionError, RedisTimeoutError)
log = logging.getLogger(__name__)
_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


class DrainingWorker(Worker):
    """Finishes the job that is running when it is asked to stop, and takes no other."""

    reservations: Reservations
    interruption: Interruption
    wakeups: Wakeups

    @property
    def asked_to_stop(self) -> bool:
        """True once SIGTERM or SIGINT arrived."""
        return self._stop_requested

    def serve(self, stop_timeout: float, lease: float, *, burst: bool = False) -> None:
        """Run jobs until a signal arrives, or with `burst` until the queues are empty.

        `stop_timeout`: so many seconds after the signal the platform kills what is left. A job that is not done shortly
        before is ended and recorded as failed. `lease`: how long after its last sign of life a worker counts as
        vanished.
        """
        self.reservations = Reservations(self.connection, self.name, lease)
        self.interruption = Interruption()
        self.wakeups = Wakeups(self.connection, self.queue_names())
        self._left = threading.Event()
        self._request, self._requested = os.pipe()
        threading.Thread(target=self._wind_down, args=(max(stop_timeout - GRACE, 1),), daemon=True).start()
        try:
            self.work(burst=burst, logging_level="WARNING")
        finally:
            self._left.set()
            self.wakeups.close()

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Note the signal; a repeated one changes nothing."""
        if not self._stop_requested:
            self._stop_requested = True
            os.write(self._requested, b"x")
        self.interruption.happen()

    def may_take(self) -> bool:
        """Whether to go on with another job."""
        return not self._stop_requested

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """Wait for the next job, also while Redis is away; None when there shall be no other."""
        self.set_state(WorkerStatus.IDLE)
        try:
            return self._next(forever=timeout is not None)
        finally:
            self.wakeups.pause()

    def _next(self, forever: bool) -> tuple[Job, Queue] | None:
        pause, beat = FIRST_PAUSE, 0.0
        while self.may_take():
            try:
                if time.monotonic() - beat > self.job_monitoring_interval:
                    self.heartbeat()
                    beat = time.monotonic()
                if self.should_run_maintenance_tasks:
                    self.run_maintenance_tasks()
                taken = self.reservations.take(self.queues)
                pause = FIRST_PAUSE
                if isinstance(taken, Taken):
                    if found := self._opened(taken):
                        return found
                elif forever:
                    self._wait(min(taken, self.job_monitoring_interval))
                else:
                    return None
            except AWAY as error:
                log.warning("Redis does not answer (%s), trying again in %g s", error, pause)
                self._rest(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
        return None

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run the job, and give its reservation up once its end is recorded; while Redis is away it is kept, and the
        job is taken again later."""
        with _patience():
            super().execute_job(job, queue)
            self.reservations.settle(queue, job.id)
        self.executions.clear()

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """Run the job in this process, which ends with the worker: nobody would hear of the job's end."""
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != self.pid:
            os._exit(1)
        super().main_work_horse(job, queue)

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """Say that this worker lives; while Redis is away nobody needs to know."""
        life.beat()
        with _patience():
            super().heartbeat(timeout, pipeline)

    def maintain_heartbeats(self, job: Job, execution: Execution) -> None:
        """Say that the job that is running lives."""
        life.beat()
        with _patience():
            super().maintain_heartbeats(job, execution)
            self.reservations.renew(Queue(job.origin, connection=self.connection), job.id)

    def set_state(self, state: str, pipeline: Pipeline | None = None) -> None:
        """Note what this worker is doing."""
        with _patience():
            super().set_state(state, pipeline)

    def run_maintenance_tasks(self) -> None:
        """Look after the queues' registries, unless RQ would fail a job that is to be taken again."""
        with _patience():
            if any(self._has_vanished(queue) for queue in self.queues):
                return
            super().run_maintenance_tasks()  # type: ignore[no-untyped-call]

    def check_for_suspension(self, burst: bool) -> None:
        """Wait while all workers are suspended."""
        with _patience():
            super().check_for_suspension(burst)

    def subscribe(self) -> None:
        """Take no commands over Redis: signals say what to do, and a thread and a connection less are needed."""

    def procline(self, message: str) -> None:
        """The name of the process stays what it is."""

    def _opened(self, taken: Taken) -> tuple[Job, Queue] | None:
        """The job that was taken; None when there is nothing to run."""
        queue = taken.queue
        try:
            job = self.job_class.fetch(taken.job_id, connection=self.connection, serializer=self.serializer)
        except NoSuchJobError:
            self.reservations.drop(queue, taken.job_id)
            return None
        except RedisError:
            raise
        except Exception:
            log.exception("job %s can't be read and counts as failed", taken.job_id)
            self.reservations.bury(queue, taken.job_id)
            return None
        if taken.vanished is not None and not self._taken_over(job, queue, taken.vanished):
            return None
        return job, queue

    def _taken_over(self, job: Job, queue: Queue, times: int) -> bool:
        """Whether to run a job whose worker vanished."""
        if self.reservations.is_over(job, queue):
            self.reservations.drop(queue, job.id)
            return False
        forget_executions(job)
        if times < MOST_INTERRUPTIONS:
            log.warning("job %s is run again: its worker vanished", job.id)
            return True
        sentence = f"{times} workers vanished, one after the other, while they ran this job."
        job.retries_left = 0
        with contextlib.suppress(Exception):
            execute_failure_callback(
                job, self.death_penalty_class, AbandonedJobError, AbandonedJobError(sentence), None
            )
        self.handle_job_failure(job, queue, exc_string=sentence)
        self.reservations.settle(queue, job.id)
        return False

    def _has_vanished(self, queue: Queue) -> bool:
        registry = StartedJobRegistry(queue=queue)
        expired = {member.rpartition(":")[0] for member in _text(registry.get_expired_job_ids())}
        return bool(expired & reserved_ids(queue))

    def _wait(self, seconds: float) -> None:
        """Wait until there may be a job, at most so long."""
        if not self.interruption.during(lambda: self.wakeups.wait(seconds)):
            self.wakeups.close()

    def _rest(self, seconds: float) -> None:
        self.interruption.during(lambda: time.sleep(seconds))

    def _wind_down(self, patience: float) -> None:
        """In a thread of its own: once a stop is requested, see to it that the worker ends."""
        os.read(self._request, 1)
        if self._left.wait(patience):
            return
        if self.horse_pid:
            log.warning("a job did not end within %g seconds and is stopped", patience)
            self.kill_horse()
        if not self._left.wait(GRACE):
            log.error("the worker does not end and is stopped")
            os.kill(os.getpid(), signal.SIGKILL)


def _text(members: list[Any]) -> Iterator[str]:
    return (member.decode() if isinstance(member, bytes) else str(member) for member in members)


@contextlib.contextmanager
def _patience() -> Iterator[None]:
    """Go on without Redis: the next wait for a job notices, and waits until it is back."""
    try:
        yield
    except AWAY as error:
        log.warning("Redis does not answer (%s)", error)
