"""Kills one process of each kind with SIGKILL and times until the environment answers again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

from infra.checks import app_is_ready, canary_round_trip, eventually, realtime_accepts, realtime_is_ready
from infra.endpoints import url_endpoint
from infra.errors import UserError
from infra.ops import outputs
from infra.ops.stacks import known
from infra.ops.status import ProcessStatus, status

KINDS = ("app", "worker", "realtime", "postgres", "redis", "gateway")
_PATIENCE = 20.0
_JOB_SECONDS = 1.0
"""How long to wait for one job's event: one that was sent while the realtime server was cut off never comes."""


class Killing:
    """The running environment of a stack."""

    def __init__(self, stack: str) -> None:
        """Learn its addresses, keys and release."""
        found = outputs.read(known(stack), secrets=True)
        self._stack = stack
        self._release = found.text("release")
        self._app = url_endpoint(found.text("app_url"))
        self._realtime = url_endpoint(found.text("realtime_url"))
        self._key = found.text("realtime_key")
        self._token = found.text("internal_queue_token")

    def all(self) -> Iterator[tuple[str, float]]:
        """Each kind and the seconds from its kill until a visitor, a job and a WebSocket get their answers."""
        for kind in KINDS:
            victim = self._when_healthy(kind)
            started = time.monotonic()
            os.kill(victim.pid, signal.SIGKILL)
            eventually(self._answers, _PATIENCE)
            seconds = time.monotonic() - started
            if self._when_healthy(kind).pid == victim.pid:
                raise UserError(f"Process {victim.name} was killed and is still the same one.")
            yield kind, seconds

    def _answers(self) -> None:
        app_is_ready(self._app, self._release)
        realtime_is_ready(self._realtime, self._release)
        realtime_accepts(self._realtime, self._key)
        canary_round_trip(
            self._app,
            self._realtime,
            queue="default",
            token=self._token,
            key=self._key,
            release=self._release,
            seconds=_JOB_SECONDS,
        )

    def _when_healthy(self, kind: str) -> ProcessStatus:
        """A process of this kind, once everything has run for a second: one that ends sooner counts as not started."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            now = status(self._stack)
            if now.healthy:
                return next(process for process in now.processes if process.program == kind)
            time.sleep(0.1)
        raise UserError(f"The environment was not healthy again within {_PATIENCE:g} s.")
