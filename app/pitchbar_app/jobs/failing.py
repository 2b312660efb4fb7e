"""What happens when a job that crawls or indexes fails: is it tried again, and if not, what is the customer told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rq.timeouts import JobTimeoutException

from pitchbar_app import dispatch
from pitchbar_app.crawl.outcome import CrawlFailure, Permanent
from pitchbar_app.database import connect
from pitchbar_app.jobs.context import settings
from pitchbar_app.store import Connection, pages, sources

if TYPE_CHECKING:
    from redis import Redis
    from rq.job import Job

log = logging.getLogger(__name__)
OWN_FAULT = "Pitchbar had a problem of its own with this page."
Ending = Callable[[Connection, int, str, str | None], int | None]
_ENDINGS: dict[str, Ending] = {dispatch.CRAWL: pages.end, dispatch.INDEX: pages.document_ended}


def on_failure(
    job: Job, redis: Redis, kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """RQ calls this for every failure, before it decides about a retry; a permanent one and a timeout take it away."""
    if isinstance(error, Permanent | JobTimeoutException):
        job.retries_left = 0
    sentence = str(error) if isinstance(error, CrawlFailure) else OWN_FAULT
    if isinstance(error, JobTimeoutException):
        sentence = f"The page took longer than {job.timeout} seconds to read."
    if job.should_retry:
        _note(job, "queued", f"{sentence} Pitchbar tries again.")
    else:
        failed(job, sentence)


def on_killed(job: Job, pid: int, status: int, usage: Any) -> None:
    """The process that ran the job was killed. RQ tries it again while it has retries; else it has failed."""
    if job.func_name in _ENDINGS and not job.should_retry:
        failed(job, OWN_FAULT)


def failed(job: Job, sentence: str) -> None:
    """The job will not be tried again: say why where the customer sees it."""
    log.warning("%s failed: %s", job.description, sentence)
    _note(job, "failed", sentence)


def _note(job: Job, status: str, sentence: str) -> None:
    worker, end = settings(), _ENDINGS[str(job.func_name)]
    with connect(worker.database, worker.app) as connection:
        source_id = end(connection, int(job.args[0]), status, sentence)
        if source_id is not None:
            sources.settle(connection, source_id)
