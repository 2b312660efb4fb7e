"""Jobs as the web process sees them: enqueue one, ask how it is doing. Payloads are JSON, never pickled code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redis import Redis
    from rq import Queue
    from rq.job import Job

CANARY = "pitchbar_app.jobs.canary.run"
CANARY_TIMEOUT = 15
CANARY_TTL = 300


@dataclass(frozen=True)
class CanaryStatus:
    """How a canary job is doing; `release` is the one of the worker that ran it."""

    id: str
    status: str
    release: str | None
    error: str | None


def queue(name: str, redis: Redis) -> Queue:
    """The queue of that name; a job that is put on it wakes an idle worker."""
    from rq.serializers import JSONSerializer

    from pitchbar_app.wakeups import WakingQueue

    return WakingQueue(name, connection=redis, serializer=JSONSerializer)


def enqueue_canary(redis: Redis, queue_name: str, canary_id: str, channel: str) -> None:
    """Ask whichever worker serves the queue to prove that it can reach the database and the realtime servers."""
    queue(queue_name, redis).enqueue_call(
        CANARY,
        args=(canary_id, channel),
        job_id=canary_id,
        timeout=CANARY_TIMEOUT,
        ttl=CANARY_TTL,
        result_ttl=CANARY_TTL,
        failure_ttl=CANARY_TTL,
        description="canary",
    )


def canary_status(redis: Redis, canary_id: str) -> CanaryStatus | None:
    """How the canary is doing; None when there is none of that id (they are kept for five minutes)."""
    from rq.exceptions import NoSuchJobError
    from rq.job import Job
    from rq.serializers import JSONSerializer

    try:
        job = Job.fetch(canary_id, connection=redis, serializer=JSONSerializer)
    except NoSuchJobError:
        return None
    if job.func_name != CANARY:
        return None
    status = _status(job)
    release, error = _outcome(job, status)
    return CanaryStatus(canary_id, "failed" if error else status, release, error)


def _status(job: Job) -> str:
    status = job.get_status(refresh=False)
    name = status.value if status else "queued"
    if name in ("finished", "failed", "started"):
        return name
    return "failed" if name in ("stopped", "canceled") else "queued"


def _outcome(job: Job, status: str) -> tuple[str | None, str | None]:
    """The release that ran the job and what it said went wrong."""
    result = job.latest_result() if status in ("finished", "failed") else None
    value: Any = result.return_value if result else None
    if status == "finished" and isinstance(value, dict):
        return value.get("release"), value.get("error")
    return None, "The worker ended while it ran the job." if status == "failed" else None
