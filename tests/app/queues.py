"""What tests do with the queues: put chores on them, kill workers, count what came of it."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.toolchain import app_python
from tests.app.processes import APP, Launcher
from tests.support.processes import children, wait_until
from tests.support.services import Redis

LEASE = 3
"""Seconds; the shortest that the app takes."""


@dataclass
class Chores:
    """The queues of one test."""

    app: Launcher
    kills: int = field(default=0)

    def __post_init__(self) -> None:
        self.app.environment |= {"PYTHONPATH": str(Path(__file__).parent), "QUEUE_LEASE": str(LEASE)}
        self("clear")

    def __call__(self, *arguments: str | float) -> str:
        """Run one command of `chores.py`."""
        done = subprocess.run(
            [str(app_python(APP / "requirements.txt")), str(Path(__file__).parent / "chores.py"), *map(str, arguments)],
            env=self.app.environment | {"PYTHONPATH": str(APP)},
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def report(self, *queues: str) -> dict[str, Any]:
        """The numbers of the chores that were done, in order, and of those in the failed registries."""
        report: dict[str, Any] = json.loads(self("report", *queues))
        return report

    def hold(self, first: int, count: int, queue: str = "crawl") -> None:
        """Put jobs on a queue that run until they are let go: a test need not be quicker than they are."""
        self("enqueue", queue, "hold", first, count)

    def begun(self) -> int:
        """How many times a job of `hold` began."""
        return int(self.redis.execute("LLEN", "test:begun").removeprefix(":"))

    def wait_until_begun(self, count: int) -> None:
        """Wait until jobs of `hold` began so many times."""
        wait_until(lambda: self.begun() >= count, f"jobs begin {count} times")

    def let_go(self, *numbers: int) -> None:
        """Let jobs of `hold` end."""
        for number in numbers:
            assert self.redis.execute("SET", f"test:go:{number}", "1") == "+OK"

    def wait_for_reserved(self, queue: str = "crawl") -> None:
        """Wait until a worker has a job of the queue."""
        reserved = f"pitchbar:reserved:{queue}"
        wait_until(lambda: self.redis.execute("ZCARD", reserved) != ":0", "a worker takes a job")

    @property
    def redis(self) -> Redis:
        """The server that has the queues: asked by itself it answers sooner than a command starts."""
        known = self.app.environment
        return Redis(int(known["REDIS_PORT"]), known["REDIS_PASSWORD"], (), {}, self.app.folder / "none")

    def depth(self) -> dict[str, dict[str, int]]:
        """What `queue-metrics` prints."""
        done = self.app.run("queue-metrics")
        assert done.returncode == 0, done.stderr
        depth: dict[str, dict[str, int]] = json.loads(done.stdout)
        return depth

    def survive(self, count: int, workers: int, seconds: float) -> dict[str, Any]:
        """Have workers do the chores 0…count-1 of the queue `crawl` while they are killed at random; report."""
        running = [self.app.start("worker") for _ in range(workers)]

        def kill() -> None:
            victim = random.randrange(workers)
            running[victim].stop(signal.SIGKILL)
            running[victim] = self.app.start("worker")

        return self._survive(count, kill, seconds, lambda: running[0].output)

    def survive_in_a_pool(self, count: int, seconds: float, **limits: str) -> dict[str, Any]:
        """The same with a pool, of which a worker is killed, or now and then the pool itself."""
        pool = self.app.start("worker", **limits)

        def kill() -> None:
            nonlocal pool
            workers = children(pool.popen.pid)
            if workers and random.random() < 0.8:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(random.choice(workers), signal.SIGKILL)
            else:
                pool.stop(signal.SIGKILL)
                pool = self.app.start("worker", **limits)

        return self._survive(count, kill, seconds, lambda: pool.output)

    def _survive(
        self, count: int, kill: Callable[[], None], seconds: float, output: Callable[[], str]
    ) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while True:
            time.sleep(random.uniform(0.1, 1.2))
            if self.kills < count / 10:
                kill()
                self.kills += 1
            report = self.report("crawl")
            if set(report["notes"]) | set(report["failed"]) == set(range(count)) and not self.depth()["total"]["depth"]:
                return report
            assert time.monotonic() < deadline, _unaccounted(report, count, output())


def _unaccounted(report: dict[str, Any], count: int, output: str) -> str:
    missing = set(range(count)) - set(report["notes"]) - set(report["failed"])
    return f"{len(missing)} of {count} jobs are neither done nor failed: {sorted(missing)[:20]}\n{output}"
