"""One pass over the queues: `python -m pitchbar_app queue:tick`. The web process starts it when it is asked to, for
where no worker runs all the time.

It runs jobs, first queue first, until the queues are empty or `--max-time` is over, which is looked at between jobs.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
import time
import uuid
from dataclasses import asdict, replace

from redis.exceptions import RedisError
from rq import Queue
from rq.exceptions import InvalidJobOperation
from rq.job import Job

from pitchbar_app.draining import DrainingWorker
from pitchbar_app.jobs import context
from pitchbar_app.passes import PULSE, Options, Pass, Passes, now
from pitchbar_app.redis_clients import blocking
from pitchbar_app.settings import Worker
from pitchbar_app.worker import build

log = logging.getLogger(__name__)


def run(settings: Worker, options: Options, id: str | None) -> int:
    """Make one pass; the result is the process's exit status. `id`: of a pass that the web process began for us."""
    context.configure(settings)
    own = id or uuid.uuid4().hex
    passes = Passes(blocking(settings.redis, settings.app))
    running = own if id and passes.renew(own) else passes.begin(own, options.queues)
    if running != own:
        print(json.dumps({"id": running, "running": True}))
        return 0
    record = Pass(own, "running", now(), options.queues)
    try:
        record = _work(settings, options, record)
    except RedisError as error:
        log.warning("Redis does not answer: %s", error)
    if record.result is None:
        record = replace(record, status="ended", ended_at=now(), result="failed")
    with contextlib.suppress(RedisError):
        passes.end(own, record)
    log.info(
        "pass %s: %s done, %s failed, %s to be tried again (%s)",
        own,
        record.done,
        record.failed,
        record.retried,
        record.result,
    )
    print(json.dumps(asdict(record)))
    return 0 if record.result != "failed" else 1


def _work(settings: Worker, options: Options, record: Pass) -> Pass:
    connection = blocking(settings.redis, settings.app)
    worker = build(PassWorker, settings, options.queues, f"tick-{os.getpid()}-{record.id[:8]}", connection)
    worker.begin(options)
    lock = Passes(blocking(settings.redis, settings.app))
    threading.Thread(target=worker.keep, args=(lock, record.id), daemon=True).start()
    worker.serve(settings.app.stop_timeout, settings.lease, burst=True)
    counts = worker.counts
    return replace(
        record,
        status="ended",
        ended_at=now(),
        result=worker.result,
        done=counts["done"],
        failed=counts["failed"],
        retried=counts["retried"],
    )


class PassWorker(DrainingWorker):
    """A worker that ends when its queues are empty, its time is over, or another pass has its place."""

    def begin(self, options: Options) -> None:
        """Start the clock."""
        self._until = time.monotonic() + options.max_time
        self._ceiling = options.job_timeout
        self._displaced = False
        self._result = "empty"
        self.counts = {"done": 0, "failed": 0, "retried": 0}

    def keep(self, passes: Passes, id: str) -> None:
        """In a thread of its own: stay the one pass that runs."""
        while not self._displaced:
            time.sleep(PULSE)
            with contextlib.suppress(RedisError):
                self._displaced = not passes.renew(id)

    def may_take(self) -> bool:
        """Whether to go on with another job."""
        if time.monotonic() >= self._until:
            self._result = "max-time"
        return self.result == "empty"

    @property
    def result(self) -> str:
        """Why the pass ended."""
        return "stopped" if self.asked_to_stop or self._displaced else self._result

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run the job for no longer than a pass gives it, and count how it went."""
        asked = job.timeout or Queue.DEFAULT_TIMEOUT
        job.timeout = min(asked, self._ceiling) if asked > 0 else self._ceiling
        super().execute_job(job, queue)
        self.counts[_outcome(job)] += 1


def _outcome(job: Job) -> str:
    try:
        status = job.get_status()
    except InvalidJobOperation:  # It is done, and asked to leave nothing behind.
        return "done"
    return {"finished": "done", "failed": "failed", "stopped": "failed"}.get(str(status and status.value), "retried")
