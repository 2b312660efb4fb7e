"""Readiness checks: each one ends within its deadline, whatever it checks does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

OK = "ok"
DEADLINE = 2.0
log = logging.getLogger(__name__)


class Check:
    """One named check; callers at the same time share one run, and a run that hangs is never started twice."""

    def __init__(self, run: Callable[[], Awaitable[str | None]], failure: str, deadline: float = DEADLINE) -> None:
        """`run` returns None or a sentence about what is wrong; any exception is told as `failure`."""
        self._run = run
        self._failure = failure
        self._deadline = deadline
        self._running: asyncio.Task[str] | None = None

    async def result(self) -> str:
        """`ok`, or one sentence about what is wrong."""
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._guarded())
        running = self._running
        done, _ = await asyncio.wait({running}, timeout=self._deadline)
        if not done:
            running.cancel()
            return f"{self._failure}: no answer within {self._deadline:g} seconds."
        return self._failure + "." if running.cancelled() else running.result()

    async def _guarded(self) -> str:
        try:
            return await self._run() or OK
        except Exception as error:
            log.warning("%s: %s: %s", self._failure, type(error).__name__, error)
            return f"{self._failure}."


async def run_all(checks: dict[str, Check]) -> tuple[bool, dict[str, str]]:
    """Run every check at the same time; True when all are ok."""
    results = await asyncio.gather(*(check.result() for check in checks.values()))
    return all(result == OK for result in results), dict(zip(checks, results, strict=True))
