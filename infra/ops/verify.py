"""`pitchbar verify`: what a visitor needs, tried from outside through the public addresses."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from infra import checks
from infra.checks import CheckFailed, Endpoint
from infra.endpoints import url_endpoint
from infra.ops.outputs import Outputs, certificate

_PATIENCE = 5.0
"""Seconds for which a check is repeated before it counts as failed: a load balancer takes a moment to see a switch."""
_CANARY_SECONDS = 20.0


@dataclass(frozen=True)
class Result:
    """One check: its name, whether it passed, how long it took, and what was found."""

    name: str
    ok: bool
    seconds: float
    detail: str


@dataclass(frozen=True)
class Verdict:
    """All checks of one environment."""

    release: str
    results: tuple[Result, ...]

    @property
    def ok(self) -> bool:
        """Whether every check passed."""
        return all(result.ok for result in self.results)

    def document(self) -> dict[str, Any]:
        """The verdict for programs."""
        return {
            "ok": self.ok,
            "release": self.release,
            "checks": [
                {"name": item.name, "ok": item.ok, "seconds": round(item.seconds, 3), "detail": item.detail}
                for item in self.results
            ],
        }


Check = Callable[[], str]


def verify(outputs: Outputs, *, patience: float = _PATIENCE) -> Verdict:
    """Run every check at the same time; nothing is raised for one that fails."""
    release = outputs.text("release")
    planned = plan(outputs, release, patience)
    with ThreadPoolExecutor(len(planned)) as pool:
        results = tuple(pool.map(lambda item: _run(*item), planned.items()))
    return Verdict(release, results)


def plan(outputs: Outputs, release: str, patience: float) -> dict[str, Check]:
    """The checks by name; each returns what it found and raises `CheckFailed` with one sentence."""
    authority = certificate(outputs)
    app, widget, realtime = (
        url_endpoint(outputs.text(name), authority) for name in ("app_url", "widget_url", "realtime_url")
    )
    widget_path = "/" + outputs.text("widget_url").split("://", 1)[1].partition("/")[2]
    key, token = outputs.text("realtime_key"), outputs.text("internal_queue_token")

    def patiently(check: Callable[[], object], found: str) -> Check:
        return lambda: (checks.eventually(check, patience), found)[1]

    return {
        "app is up": lambda: _every_replica_is_up(app, release, outputs, patience),
        "app is ready": patiently(lambda: checks.app_is_ready(app, release), "reaches Postgres and Redis, is migrated"),
        "page": patiently(lambda: checks.page_answers(app), outputs.text("app_url")),
        "widget": patiently(lambda: checks.widget_answers(widget, widget_path), outputs.text("widget_url")),
        "realtime is ready": patiently(lambda: checks.realtime_is_ready(realtime, release), f"release {release}"),
        "realtime": patiently(lambda: checks.realtime_accepts(realtime, key), "handshake, subscription, ping"),
        "realtime refuses strangers": patiently(lambda: checks.realtime_refuses_strangers(realtime), "error 4001"),
        "canary needs a token": patiently(lambda: checks.canary_is_protected(app), "401 without it"),
        "canary job": lambda: _canary(app, realtime, token, key, release),
    }


def _every_replica_is_up(app: Endpoint, release: str, outputs: Outputs, patience: float) -> str:
    processes = outputs.public.get("processes")
    process: Mapping[str, Any] = processes.get("app", {}) if isinstance(processes, dict) else {}
    replicas = int(process.get("replicas", 1))

    def ask() -> None:
        for _ in range(4 * replicas):  # the gateway chooses among them
            checks.app_serves(app, release)

    checks.eventually(ask, patience)
    return f"release {release}"


def _canary(app: Endpoint, realtime: Endpoint, token: str, key: str, release: str) -> str:
    canary = checks.canary_round_trip(
        app, realtime, queue="default", token=token, key=key, release=release, seconds=_CANARY_SECONDS
    )
    return f"web, Redis, worker, Postgres, WebSocket in {canary.seconds * 1000:.0f} ms"


def _run(name: str, check: Check) -> Result:
    started = time.monotonic()
    try:
        ok, detail = True, check()
    except CheckFailed as failure:
        ok, detail = False, str(failure)
    return Result(name, ok, time.monotonic() - started, detail)
