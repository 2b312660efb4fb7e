"""Jobs that wait for their time: RQ keeps them in each queue's registry of scheduled jobs, this brings them back.

RQ's own scheduler is a process beside the worker, holds locks and is replaced only minutes after it died. Here every
worker looks once a second. One script in Redis moves a job that is due, so it is moved once however many look at the
same time, and it is never in neither place: a worker that is killed takes no delayed job with it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from redis import Redis
from redis.exceptions import RedisError

INTERVAL = 1.0
MOST_AT_ONCE = 500
log = logging.getLogger(__name__)

_MOVE = """
local due = redis.call('zrangebyscore', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
for _, id in ipairs(due) do
    redis.call('zrem', KEYS[1], id)
    local job = ARGV[3] .. id
    if redis.call('exists', job) == 1 then
        redis.call('hset', job, 'status', 'queued', 'enqueued_at', ARGV[4])
        redis.call('rpush', KEYS[2], id)
    end
end
return #due
"""


def release_due(redis: Redis, queues: Sequence[str], now: Callable[[], float] = time.time) -> int:
    """Put every delayed job whose time has come back on its queue; the result is how many."""
    moment = now()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + ".000000Z"
    script = redis.register_script(_MOVE)
    return sum(
        int(script(keys=[f"rq:scheduled:{name}", f"rq:queue:{name}"], args=[moment, MOST_AT_ONCE, "rq:job:", stamp]))
        for name in queues
    )


def keep_releasing(redis: Redis, queues: Sequence[str], interval: float = INTERVAL) -> None:
    """Do so again and again, in a thread of this process that ends with it."""

    def run() -> None:
        while True:
            try:
                release_due(redis, queues)
            except RedisError as error:
                log.warning("delayed jobs wait: Redis does not answer (%s)", error)
            time.sleep(interval)

    threading.Thread(target=run, name="delays", daemon=True).start()
