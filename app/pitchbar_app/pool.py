"""A pool of worker processes, as many as the backlog asks for: `python -m pitchbar_app worker` where
HORIZON_MAX_PROCESSES is more than one.

The pool runs no job itself. It starts the workers, looks at the backlog, replaces a worker that was killed, and hands a
request to stop on to all of them. A worker that is one too many finishes its job first, whichever way it is told.
"""

from __future__ import annotations

import ctypes
import logging
import math
import os
import secrets
import signal
import time
from dataclasses import dataclass, replace
from functools import partial
from types import FrameType

from redis.exceptions import RedisError

from pitchbar_app import worker
from pitchbar_app.depth import depths
from pitchbar_app.draining import GRACE
from pitchbar_app.queueing import queue
from pitchbar_app.redis_clients import blocking
from pitchbar_app.reserving import holders
from pitchbar_app.settings import Pool as Limits
from pitchbar_app.settings import Worker
from pitchbar_app.waiting import Interruption
from pitchbar_app.wakeups import Wakeups

LOOK = 1.0
"""Seconds between two looks at the backlog while there is one."""
QUIET = 15.0
"""Seconds until the next look when nothing is heard of a new job."""
CALM = 5.0
"""A worker is let go when there was one too many for so long."""
STEADY = 2.0
"""A worker that ends by itself sooner is not replaced at once, but after a pause."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Member:
    """A worker process. `leaving`: it was asked to stop."""

    name: str
    since: float
    leaving: bool = False


def run(settings: Worker) -> int:
    """Keep the pool until SIGTERM; the result is the process's exit status."""
    return Pool(settings).run()


def wanted(backlog: int, limits: Limits) -> int:
    """How many workers a backlog of so many jobs asks for."""
    return min(limits.max, max(limits.min, math.ceil(backlog / limits.backlog)))


class Pool:
    """The worker processes of one pool, by pid."""

    def __init__(self, settings: Worker) -> None:
        self._settings = settings
        self._limits = settings.pool
        self._connection = blocking(settings.redis, settings.app, retries=0)
        self._wakeups = Wakeups(self._connection, settings.queues)
        self._interruption = Interruption()
        self._members: dict[int, Member] = {}
        self._stopping = self._blind = False
        self._target = self._limits.min
        self._surplus_since = math.inf
        self._pause, self._not_before = FIRST_PAUSE, 0.0

    def run(self) -> int:
        """Keep as many workers as are wanted, then stop them all."""
        for number in _SIGNALS:
            signal.signal(number, self._signalled)
        log.info("release %s keeps %d to %d workers", self._settings.app.release, self._limits.min, self._limits.max)
        while not self._stopping:
            self._interruption.forget()
            self._collect()
            self._grow()
            backlog = self._look()
            self._grow()
            self._shrink()
            self._wait(backlog)
        self._stop()
        return 0

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        self._stopping = self._stopping or number != signal.SIGCHLD
        self._interruption.happen()

    def _look(self) -> int:
        """See how many workers are wanted; the result is the backlog. While Redis is away nothing changes."""
        if self._limits.min == self._limits.max:
            return 0
        try:
            found = depths(self._connection, self._settings.queues)
        except RedisError as error:
            if not self._blind:
                log.warning("the backlog is unknown until Redis answers (%s)", error)
            self._blind = True
            return 1
        self._blind = False
        backlog = sum(each.depth for each in found.values())
        self._target = wanted(backlog, self._limits)
        return backlog

    def _grow(self) -> None:
        staying = sum(not member.leaving for member in self._members.values())
        missing = min(self._target - staying, self._limits.max - len(self._members))
        if missing <= 0 or time.monotonic() < self._not_before:
            return
        if staying >= self._limits.min:
            log.info("the backlog asks for %d workers: %d more", self._target, missing)
        for _ in range(missing):
            self._start()

    def _shrink(self) -> None:
        """Let workers go that have no job, once there were too many for a while."""
        staying = [pid for pid, member in self._members.items() if not member.leaving]
        surplus = len(staying) - self._target
        if surplus <= 0:
            self._surplus_since = math.inf
            return
        self._surplus_since = min(self._surplus_since, time.monotonic())
        if time.monotonic() - self._surplus_since < CALM:
            return
        try:
            busy = holders([queue(name, self._connection) for name in self._settings.queues])
        except RedisError:
            return
        idle = [pid for pid in reversed(staying) if self._members[pid].name not in busy][:surplus]
        if idle:
            log.info("the backlog asks for %d workers: %d less", self._target, len(idle))
        for pid in idle:
            self._members[pid] = replace(self._members[pid], leaving=True)
            os.kill(pid, signal.SIGTERM)

    def _wait(self, backlog: int) -> None:
        """Wait for a signal, for the next look, or, while there is nothing to do, for a job."""
        if time.monotonic() < self._not_before:
            self._interruption.during(lambda: time.sleep(self._not_before - time.monotonic()))
        elif self._limits.min == self._limits.max:
            self._interruption.during(signal.pause)
        elif backlog or len(self._members) > self._limits.min:
            self._interruption.during(lambda: time.sleep(LOOK))
        elif not self._interruption.during(self._hear):
            self._wakeups.close()

    def _hear(self) -> None:
        try:
            self._wakeups.wait(QUIET)
        except RedisError:
            self._wakeups.close()
            time.sleep(LOOK)

    def _start(self) -> None:
        """Start a worker. Signals wait until it has handlers of its own."""
        name = f"{self._settings.app.process}-{os.getpid()}-{secrets.token_hex(4)}"
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            pool, pid = os.getpid(), os.fork()
            if pid == 0:
                self._be_a_worker(name, pool)
            self._members[pid] = Member(name, time.monotonic())
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _be_a_worker(self, name: str, pool: int) -> None:
        """In the new process: run jobs, then end. When the pool is killed the worker finishes its job and ends too."""
        status = 1
        try:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, _leave)
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            self._wakeups.close()
            self._connection.connection_pool.disconnect()
            status = worker.run(self._settings, name) if os.getppid() == pool else 0
        except SystemExit:
            status = 0
        except Exception:
            log.exception("the worker failed")
        finally:
            os._exit(status)

    def _collect(self) -> None:
        """Take note of the workers that have ended."""
        while self._members:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            member = self._members.pop(pid, None)
            if member and not member.leaving and not self._stopping:
                self._ended(pid, member, os.waitstatus_to_exitcode(status))

    def _ended(self, pid: int, member: Member, status: int) -> None:
        how = f"was ended by signal {-status}" if status < 0 else f"ended by itself with exit status {status}"
        log.warning("worker process %d %s and is replaced", pid, how)
        if time.monotonic() - member.since >= STEADY:
            self._pause = FIRST_PAUSE
            return
        self._not_before = time.monotonic() + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def _stop(self) -> None:
        """Hand the request to stop on, and wait; a worker itself sees to it that it ends in time."""
        deadline = time.monotonic() + self._settings.app.stop_timeout + GRACE
        for pid in self._members:
            os.kill(pid, signal.SIGTERM)
        while self._members and (left := deadline - time.monotonic()) > 0:
            self._interruption.forget()
            self._collect()
            if self._members:
                self._interruption.during(partial(time.sleep, left))
        for pid in self._members:
            log.error("worker process %d does not end and is stopped", pid)
            os.kill(pid, signal.SIGKILL)


def _leave(_number: int, _frame: FrameType | None) -> None:
    """Leave: the worker was asked to stop before it began."""
    raise SystemExit(0)
