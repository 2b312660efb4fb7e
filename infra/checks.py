"""What a working environment does, seen from outside.

Each check asks a running server and raises `CheckFailed` with one sentence. The same checks serve a release's
candidates on private unix sockets, before the switch, and `pitchbar verify` on public addresses.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from infra import pusher
from infra.endpoints import (
    CheckFailed,
    Endpoint,
    Response,
    describe,
    http_get,
    http_post,
    unix_endpoint,
    url_endpoint,
    websocket,
)

if TYPE_CHECKING:
    from websocket import WebSocket

__all__ = [
    "Canary",
    "CheckFailed",
    "Endpoint",
    "Tick",
    "app_is_ready",
    "app_serves",
    "canary_is_protected",
    "canary_round_trip",
    "eventually",
    "http_get",
    "http_post",
    "page_answers",
    "queue_tick",
    "realtime_accepts",
    "realtime_is_ready",
    "realtime_refuses_strangers",
    "unix_endpoint",
    "url_endpoint",
    "widget_answers",
]

_CANARY = "/api/v1/internal/canary"
_POLL_SECONDS = 0.05
_STATUS_SECONDS = 0.5
_LEAST_SECONDS = 2.0
"""What a question gets even at the deadline, so that the answer says why."""
_UNKNOWN_APPLICATION = 4001
T = TypeVar("T")


@dataclass(frozen=True)
class Canary:
    """A job that went through web, Redis, worker, Postgres and realtime."""

    id: str
    release: str
    seconds: float


@dataclass(frozen=True)
class Tick:
    """What came of a tick: the app's answer, and what is wrong with it (empty for nothing)."""

    status: int
    document: Mapping[str, Any]
    error: str


@dataclass(frozen=True)
class _Job:
    id: str
    queue: str
    token: str = field(repr=False)
    seconds: float


def eventually(check: Callable[[], T], seconds: float, *, every: float = _POLL_SECONDS) -> T:
    """Repeat `check` until it passes; after `seconds`, raise its last failure.

    `every`: seconds between two tries, where what is asked counts requests.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return check()
        except CheckFailed:
            if time.monotonic() >= deadline:
                raise
        time.sleep(every)


def app_serves(endpoint: Endpoint, release: str, *, process: str = "app", timeout: float = 5.0) -> None:
    """`/up` answers, and it is this release."""
    _says(endpoint, "/up", "up", release, process, timeout)


def app_is_ready(endpoint: Endpoint, release: str, *, process: str = "app", timeout: float = 5.0) -> None:
    """`/ready` answers that this release reaches everything it needs."""
    _says(endpoint, "/ready", "ready", release, process, timeout)


def realtime_is_ready(endpoint: Endpoint, release: str, *, timeout: float = 5.0) -> None:
    """The realtime server's `/ready` answers that this release is subscribed to Redis."""
    _says(endpoint, "/ready", "ready", release, "realtime", timeout)


def page_answers(endpoint: Endpoint, path: str = "/", *, timeout: float = 5.0) -> None:
    """`path` is an HTML page."""
    _has_type(endpoint, path, http_get(endpoint, path, timeout=timeout), ("text/html",))


def widget_answers(endpoint: Endpoint, path: str = "/widget/widget.js", *, timeout: float = 5.0) -> None:
    """`path` is a script that a browser will run."""
    _has_type(endpoint, path, http_get(endpoint, path, timeout=timeout), ("text/javascript", "application/javascript"))


def realtime_accepts(endpoint: Endpoint, key: str, *, timeout: float = 5.0) -> None:
    """A browser's first steps: the handshake with the application's key, a subscription, a ping."""
    deadline = time.monotonic() + timeout
    with pusher.subscribed(endpoint, key, f"verify-{secrets.token_hex(4)}", timeout) as connection:
        pusher.send(connection, "pusher:ping", {})
        pusher.await_event(endpoint, connection, "pusher:pong", deadline)


def realtime_refuses_strangers(endpoint: Endpoint, *, timeout: float = 5.0) -> None:
    """A key that nobody has been given is refused with the protocol's code."""
    path = pusher.application_path(f"stranger-{secrets.token_hex(8)}")
    with websocket(endpoint, path, timeout=timeout) as connection:
        first = pusher.next_event(endpoint, connection, time.monotonic() + timeout) or {"event": None}
    if first.get("event") != "pusher:error" or pusher.event_data(first).get("code") != _UNKNOWN_APPLICATION:
        where = describe(endpoint, scheme="ws")
        raise CheckFailed(f"{where} answered an unknown key with {first.get('event')!r} instead of error 4001.")


def canary_is_protected(app: Endpoint, *, timeout: float = 5.0) -> None:
    """Nobody starts a canary job without the token, nor with a wrong one."""
    for token, what in ((None, "without a token"), (secrets.token_hex(16), "with a wrong token")):
        answer = http_post(app, _CANARY, {"queue": "default", "channel": "verify"}, timeout=timeout, token=token)
        if answer.status != 401:
            raise CheckFailed(f"POST {describe(app, _CANARY)} {what} answered {answer.status} instead of 401.")


def canary_round_trip(
    app: Endpoint,
    realtime: Endpoint,
    *,
    queue: str,
    token: str,
    key: str,
    release: str | None = None,
    seconds: float = 10.0,
) -> Canary:
    """Put a job on `queue` and wait until its event comes back over the WebSocket and the job is finished.

    With `release`, the worker that ran it must be of that release.
    """
    started = time.monotonic()
    deadline = started + seconds
    channel = f"canary-{secrets.token_hex(8)}"
    with pusher.subscribed(realtime, key, channel, seconds) as connection:
        job = _enqueue(app, queue, channel, token, seconds)
        event = _canary_event(app, realtime, connection, job, deadline)
    ran = str(_finished(app, job, deadline).get("release"))
    for source, value in (("the job's record", ran), ("the event", str(event.get("release")))):
        if release is not None and value != release:
            raise CheckFailed(
                f"The canary job on queue {queue!r} was run by release {value} ({source}), not by {release}."
            )
    return Canary(job.id, ran, time.monotonic() - started)


def queue_tick(url: str, token: str) -> Tick:
    """Tick through the app's address, as the cron Worker does. Raises `CheckFailed` where there is no answer."""
    from infra.release.worker_script import PATH

    answer = http_post(url_endpoint(url), PATH, {}, token=token)
    document, error = answer.document(), ""
    if answer.status != 202:
        error = f"POST {url}{PATH} answered {answer.status} instead of 202."
    elif "id" not in document:
        error = f"POST {url}{PATH} answered 202 without the id of a pass."
    return Tick(answer.status, document, error)


def _says(endpoint: Endpoint, path: str, status: str, release: str, process: str, timeout: float) -> None:
    where = describe(endpoint, path)
    answer = http_get(endpoint, path, timeout=timeout)
    document = answer.document()
    if answer.status != 200 or document.get("status") != status:
        checks = document.get("checks")
        bad = {name: text for name, text in checks.items() if text != "ok"} if isinstance(checks, dict) else {}
        details = "; ".join(f"{name}: {str(text).rstrip('.')}" for name, text in bad.items())
        raise CheckFailed(f"{where} answered {answer.status}, not {status!r}{': ' + details if details else ''}.")
    if document.get("process") != process:
        raise CheckFailed(f"{where} is answered by process {document.get('process')!r}, not by {process!r}.")
    if document.get("release") != release:
        raise CheckFailed(f"{where} is answered by release {document.get('release')}, not by {release}.")


def _has_type(endpoint: Endpoint, path: str, answer: Response, expected: tuple[str, ...]) -> None:
    if answer.status != 200:
        raise CheckFailed(f"{describe(endpoint, path)} answered {answer.status} instead of 200.")
    found = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if found not in expected:
        raise CheckFailed(f"{describe(endpoint, path)} has the content type {found!r} instead of {expected[0]!r}.")
    if not answer.body:
        raise CheckFailed(f"{describe(endpoint, path)} is empty.")


def _enqueue(app: Endpoint, queue: str, channel: str, token: str, seconds: float) -> _Job:
    answer = http_post(app, _CANARY, {"queue": queue, "channel": channel}, timeout=seconds, token=token)
    canary = answer.document().get("id")
    if answer.status != 202 or not canary:
        raise CheckFailed(f"POST {describe(app, _CANARY)} for queue {queue!r} answered {answer.status} instead of 202.")
    return _Job(str(canary), queue, token, seconds)


def _canary_event(
    app: Endpoint, realtime: Endpoint, connection: "WebSocket", job: _Job, deadline: float
) -> Mapping[str, Any]:
    while True:
        event = pusher.poll_event(realtime, connection, "canary", min(deadline, time.monotonic() + _STATUS_SECONDS))
        if event is not None:
            data = pusher.event_data(event)
            if str(data.get("id")) == job.id:
                return data
            continue
        document = _status(app, job, timeout=_left(deadline))
        if document.get("status") == "failed" or time.monotonic() >= deadline:
            raise CheckFailed(_why_no_event(realtime, job, document))


def _why_no_event(realtime: Endpoint, job: _Job, document: Mapping[str, Any]) -> str:
    status = document.get("status")
    if status == "failed":
        return _failed(job, document)
    if status == "finished":
        where = describe(realtime, scheme="ws")
        return f"The canary job on queue {job.queue!r} finished, but {where} never sent its event."
    if status == "queued":
        return f"No worker took the canary job from queue {job.queue!r} within {job.seconds:g} s."
    return f"The canary job on queue {job.queue!r} was still {status!r} after {job.seconds:g} s."


def _failed(job: _Job, document: Mapping[str, Any]) -> str:
    return f"The canary job on queue {job.queue!r} failed: {str(document.get('error')).rstrip('.')}."


def _finished(app: Endpoint, job: _Job, deadline: float) -> Mapping[str, Any]:
    while True:
        document = _status(app, job, timeout=_left(deadline))
        status = document.get("status")
        if status == "finished":
            return document
        if status == "failed":
            raise CheckFailed(_failed(job, document))
        if time.monotonic() >= deadline:
            raise CheckFailed(f"The canary job on queue {job.queue!r} sent its event but stayed {status!r}.")
        time.sleep(_POLL_SECONDS)


def _status(app: Endpoint, job: _Job, timeout: float) -> Mapping[str, Any]:
    path = f"{_CANARY}/{quote(job.id, safe='')}"
    answer = http_get(app, path, timeout=timeout, token=job.token)
    if answer.status != 200:
        raise CheckFailed(f"GET {describe(app, path)} answered {answer.status} instead of 200.")
    return answer.document()


def _left(deadline: float) -> float:
    return max(_LEAST_SECONDS, deadline - time.monotonic())
