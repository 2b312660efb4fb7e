"""Passes over the queues as Redis knows them: which one runs, and how the last one went.

Only one runs at a time, over all replicas of the app: it holds a lock with its id, as a lease that it renews. A pass
that was killed keeps the next one waiting no longer than that lease.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from redis import Redis

LEASE = 15.0
PULSE = 3.0
_LOCK, _LAST = "pitchbar:pass:running", "pitchbar:pass:last"

_BEGIN = """
local running = redis.call('GET', KEYS[1])
if running then return running end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[2], ARGV[3])
return ARGV[1]
"""
_RENEW = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"
_END = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] ~= '' then redis.call('SET', KEYS[2], ARGV[2]) end
return redis.call('DEL', KEYS[1])
"""


@dataclass(frozen=True)
class Options:
    """What a pass is to do. Times in seconds; `job_timeout` is the most that a job gets, whatever it asks for."""

    max_time: int = 55
    job_timeout: int = 120
    queues: tuple[str, ...] = ("crawl", "index", "default")


@dataclass(frozen=True)
class Pass:
    """One pass. `status`: running, ended or vanished. `result`: why it ended (empty, max-time, stopped, failed).

    Jobs that are to be tried again later count as `retried`.
    """

    id: str
    status: str
    started_at: str
    queues: tuple[str, ...]
    ended_at: str | None = None
    result: str | None = None
    done: int = 0
    failed: int = 0
    retried: int = 0


class Passes:
    """The lock and the record of passes."""

    def __init__(self, connection: Redis) -> None:
        self._connection = connection

    def begin(self, id: str, queues: tuple[str, ...]) -> str:
        """Become the pass that runs, if none does; return the id of the one that runs."""
        record = _text(Pass(id, "running", now(), queues))
        running: Any = self._eval(_BEGIN, id, _milliseconds(LEASE), record)
        return str(running.decode())

    def renew(self, id: str) -> bool:
        """Go on being the pass that runs; False when another one is, or might be."""
        return bool(self._eval(_RENEW, id, _milliseconds(LEASE)))

    def end(self, id: str, record: Pass | None = None) -> None:
        """Stop being the pass that runs, and leave a record of how it went."""
        self._eval(_END, id, _text(record) if record else "")

    def last(self) -> Pass | None:
        """The pass that runs, or the last one that did; None before the first."""
        found: list[Any] = self._connection.mget(_LOCK, _LAST)
        running, last = found
        if last is None:
            return None
        document = json.loads(last)
        record = Pass(**{**document, "queues": tuple(document["queues"])})
        if record.status == "running" and (running is None or running.decode() != record.id):
            return replace(record, status="vanished")
        return record

    def _eval(self, script: str, *arguments: str) -> Any:
        return self._connection.eval(script, 2, _LOCK, _LAST, *arguments)


def now() -> str:
    """This moment in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _text(record: Pass) -> str:
    return json.dumps(asdict(record))


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))
