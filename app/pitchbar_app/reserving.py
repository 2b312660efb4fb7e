"""Takes jobs off their queues without ever having one nowhere.

A job that a worker takes moves, in one step inside Redis, from its queue to the queue's *reserved* set, where it stays
until its end is recorded. The reservation is a lease that the worker renews while the job runs. When the worker
vanishes the lease runs out, and the next worker that asks for a job gets this one. So a job is waiting, delayed,
reserved or over, and nothing between. Delayed jobs that are due are put on their queue by the same step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from redis import Redis
from rq import Queue
from rq.job import Job
from rq.registry import FailedJobRegistry, ScheduledJobRegistry

RESERVED = "pitchbar:reserved:"
_OVER = frozenset({"finished", "failed", "stopped", "canceled", "deferred"})

# For each queue in order: its list, its delayed jobs, its reserved jobs. Members of the last are `worker|job`.
# A job's field `interruptions` counts the workers that vanished while they had it.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
for i = 1, #KEYS, 3 do
  local waiting, delayed, reserved = KEYS[i], KEYS[i + 1], KEYS[i + 2]
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', delayed, '-inf', now, 'LIMIT', 0, 100)) do
    redis.call('ZREM', delayed, id)
    if redis.call('EXISTS', ARGV[3] .. id) == 1 then
      redis.call('HSET', ARGV[3] .. id, 'status', 'queued')
      redis.call('RPUSH', waiting, id)
    end
  end
  local late = redis.call('ZRANGEBYSCORE', reserved, '-inf', now, 'LIMIT', 0, 1)[1]
  local id = late and string.sub(late, string.find(late, '|', 1, true) + 1) or redis.call('LPOP', waiting)
  if late then redis.call('ZREM', reserved, late) end
  if id then
    redis.call('ZADD', reserved, now + ARGV[2], ARGV[1] .. '|' .. id)
    local times = 0
    if late and redis.call('EXISTS', ARGV[3] .. id) == 1 then
      times = redis.call('HINCRBY', ARGV[3] .. id, 'interruptions', 1)
    end
    return {(i + 2) / 3, id, late and 1 or 0, times}
  end
end
local next = false
for i = 1, #KEYS, 3 do
  for set = i + 1, i + 2 do
    local first = redis.call('ZRANGE', KEYS[set], 0, 0, 'WITHSCORES')[2]
    if first and (not next or tonumber(first) < next) then next = tonumber(first) end
  end
end
return next and tostring(next - now)
"""

_RENEW = """
local time = redis.call('TIME')
return redis.call('ZADD', KEYS[1], 'XX', 'CH', time[1] + time[2] / 1000000 + ARGV[2], ARGV[1])
"""

# A job whose end could not be recorded is still `started`: its lease runs out, and it is taken again.
_SETTLE = """
if redis.call('HGET', KEYS[2], 'status') == 'started' then return 0 end
return redis.call('ZREM', KEYS[1], ARGV[1])
"""


@dataclass(frozen=True)
class Taken:
    """A job that this worker has. `vanished`: how many workers had it before and vanished; None for a fresh one."""

    queue: Queue
    job_id: str
    vanished: int | None


class Reservations:
    """The reservations of one worker; `lease` in seconds."""

    def __init__(self, connection: Redis, worker: str, lease: float) -> None:
        self._connection = connection
        self._worker = worker
        self._lease = lease
        self._take: Any = connection.register_script(_TAKE)
        self._renew: Any = connection.register_script(_RENEW)
        self._settle: Any = connection.register_script(_SETTLE)

    def take(self, queues: Sequence[Queue]) -> Taken | float:
        """The next job of the first queue that has one. When there is none, the seconds until there might be: until a
        delayed job is due or a lease runs out, or infinity."""
        keys = [key for queue in queues for key in (queue.key, delayed_key(queue), reserved_key(queue))]
        found = self._take(keys=keys, args=[self._worker, self._lease, Job.redis_job_namespace_prefix])
        if not isinstance(found, list):
            return max(float(found), 0.0) if found else math.inf
        number, job_id, late, times = found
        return Taken(queues[int(number) - 1], job_id.decode(), int(times) if late else None)

    def renew(self, queue: Queue, job_id: str) -> None:
        """Say that the worker that has this job lives."""
        self._renew(keys=[reserved_key(queue)], args=[self._member(job_id), self._lease])

    def settle(self, queue: Queue, job_id: str) -> None:
        """Give the reservation up, now that the job's end is recorded."""
        keys = [reserved_key(queue), Job.redis_job_namespace_prefix + job_id]
        self._settle(keys=keys, args=[self._member(job_id)])

    def drop(self, queue: Queue, job_id: str) -> None:
        """Give the reservation up, whatever the job's state."""
        self._connection.zrem(reserved_key(queue), self._member(job_id))

    def is_over(self, job: Job, queue: Queue) -> bool:
        """Whether nothing is left to do for a job whose worker vanished: its end is recorded, or it is waiting for
        its next try, or another worker has it."""
        if str(job.get_status() and job.get_status(refresh=False).value) in _OVER:
            return True
        if self._connection.lpos(queue.key, job.id) is not None:
            return True
        if self._connection.zscore(delayed_key(queue), job.id) is not None:
            return True
        members = cast(list[bytes], self._connection.zrange(reserved_key(queue), 0, -1))
        return any(m.endswith(f"|{job.id}".encode()) and m.decode() != self._member(job.id) for m in members)

    def bury(self, queue: Queue, job_id: str) -> None:
        """Put a job that can't even be read among the failed ones."""
        self._connection.zadd(FailedJobRegistry(queue=queue).key, {job_id: "+inf"})
        self.drop(queue, job_id)

    def _member(self, job_id: str) -> str:
        return f"{self._worker}|{job_id}"


def forget_executions(job: Job) -> None:
    """Remove what the vanished worker noted about running the job, so that RQ doesn't fail the job for it later."""
    with job.connection.pipeline() as pipeline:
        for member in cast(list[bytes], job.connection.zrange(job.started_job_registry.key, 0, -1)):
            if member.decode().rpartition(":")[0] == job.id:
                pipeline.zrem(job.started_job_registry.key, member)
                pipeline.delete(f"rq:execution:{member.decode()}")
        pipeline.delete(f"rq:executions:{job.id}")
        pipeline.execute()


def reserved_key(queue: Queue) -> str:
    """The sorted set of a queue's reserved jobs, by the end of their lease."""
    return RESERVED + queue.name


def delayed_key(queue: Queue) -> str:
    """The sorted set of a queue's delayed jobs, by the time at which they are due."""
    return ScheduledJobRegistry.key_template.format(queue.name)


def holders(queues: Sequence[Queue]) -> frozenset[str]:
    """The workers that have a job of these queues, or had one when they vanished."""
    members = (member for queue in queues for member in queue.connection.zrange(reserved_key(queue), 0, -1))
    return frozenset(cast(bytes, member).decode().partition("|")[0] for member in members)


def reserved_ids(queue: Queue) -> frozenset[str]:
    """The queue's jobs that a worker has, or had when it vanished."""
    members = cast(list[bytes], queue.connection.zrange(reserved_key(queue), 0, -1))
    return frozenset(member.decode().partition("|")[2] for member in members)
