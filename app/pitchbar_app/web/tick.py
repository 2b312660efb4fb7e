"""The queue tick of the internal API: an external cron asks for one pass over the queues."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import uuid
from dataclasses import asdict
from typing import Any

from redis import Redis
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from pitchbar_app.environ import NAME
from pitchbar_app.passes import Options, Passes
from pitchbar_app.web.by_method import by_method
from pitchbar_app.web.internal import json_body
from pitchbar_app.web.security import admit
from pitchbar_app.web.services import Services

BOUNDS = {"max_time": (1, 900), "job_timeout": (1, 3600)}
MOST_QUEUES = 10
log = logging.getLogger(__name__)


def routes(services: Services) -> list[Route]:
    """The route of the tick: POST starts a pass, GET tells of the last one."""
    tokens = services.settings.queue_tokens

    async def start(request: Request) -> JSONResponse:
        admit(request, tokens)
        options = _options(await json_body(request, empty={}))
        try:
            id, running = await services.queueing(_start, options)
        except RedisError as error:
            raise HTTPException(503, "The queue does not answer: Redis is not reachable.") from error
        return JSONResponse({"id": id, "running": True} if running else {"id": id}, status_code=202)

    async def last(request: Request) -> JSONResponse:
        admit(request, tokens)
        try:
            found = await services.queueing(lambda redis: Passes(redis).last())
        except RedisError as error:
            raise HTTPException(503, "The queue does not answer: Redis is not reachable.") from error
        if found is None:
            raise HTTPException(404, "There was no pass yet.")
        return JSONResponse(asdict(found), headers={"cache-control": "no-store"})

    return [by_method("/api/v1/internal/queue-tick", {"POST": start, "GET": last})]


def _start(redis: Redis, options: Options) -> tuple[str, bool]:
    """Begin a pass; its id and False, or when one runs already that one's id and True."""
    passes, id = Passes(redis), uuid.uuid4().hex
    running = passes.begin(id, options.queues)
    if running != id:
        return running, True
    try:
        _spawn(options, id)
    except OSError:
        passes.end(id)
        raise
    return id, False


def _spawn(options: Options, id: str) -> None:
    """Run the pass as a process in a session of its own: it ends neither with the request nor with this process."""
    command = [sys.executable, "-m", "pitchbar_app", "queue:tick", "--id", id]
    parameters = [
        f"--max-time={options.max_time}",
        f"--job-timeout={options.job_timeout}",
        f"--queues={','.join(options.queues)}",
    ]
    environment = {**os.environ, "APP_PROCESS": "tick"}
    process = subprocess.Popen(
        [*command, *parameters], env=environment, stdin=subprocess.DEVNULL, start_new_session=True
    )
    threading.Thread(target=process.wait, daemon=True).start()


def _options(body: dict[str, Any]) -> Options:
    """The pass's parameters; those that the body leaves out have their defaults."""
    usual = Options()
    return Options(
        max_time=_seconds(body, "max_time", usual.max_time),
        job_timeout=_seconds(body, "job_timeout", usual.job_timeout),
        queues=_queues(body.get("queues", list(usual.queues))),
    )


def _seconds(body: dict[str, Any], name: str, usual: int) -> int:
    value, (low, high) = body.get(name, usual), BOUNDS[name]
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise HTTPException(422, f"`{name}` must be a whole number of seconds from {low} to {high}.")
    return value


def _queues(value: Any) -> tuple[str, ...]:
    sound = isinstance(value, list) and all(isinstance(name, str) and NAME.fullmatch(name) for name in value)
    if not sound or not 1 <= len(value) <= MOST_QUEUES or len(set(value)) != len(value):
        raise HTTPException(422, f"`queues` must be a list of 1 to {MOST_QUEUES} different names of queues.")
    return tuple(value)
