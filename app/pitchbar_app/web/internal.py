"""The internal API, for machines that hold INTERNAL_QUEUE_TOKEN."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import asdict
from typing import Any

from redis.exceptions import RedisError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from pitchbar_app import queueing
from pitchbar_app.broadcast import CHANNEL
from pitchbar_app.environ import NAME
from pitchbar_app.web.security import admit
from pitchbar_app.web.services import Services

LONGEST_BODY = 10_000


def routes(services: Services) -> list[Route]:
    """The routes of the internal API."""
    tokens = services.settings.queue_tokens

    async def enqueue(request: Request) -> JSONResponse:
        admit(request, tokens)
        body = await json_body(request)
        queue, channel = _field(body, "queue", NAME), _field(body, "channel", CHANNEL)
        canary_id = uuid.uuid4().hex
        try:
            await services.queueing(queueing.enqueue_canary, queue, canary_id, channel)
        except RedisError as error:
            raise HTTPException(503, "The queue does not answer: Redis is not reachable.") from error
        return JSONResponse({"id": canary_id}, status_code=202)

    async def status(request: Request) -> JSONResponse:
        admit(request, tokens)
        canary_id = request.path_params["id"]
        try:
            found = await services.queueing(queueing.canary_status, canary_id)
        except RedisError as error:
            raise HTTPException(503, "The queue does not answer: Redis is not reachable.") from error
        if found is None:
            raise HTTPException(404, "There is no canary of this id; they are kept for five minutes.")
        return JSONResponse(asdict(found), headers={"cache-control": "no-store"})

    return [
        Route("/api/v1/internal/canary", enqueue, methods=["POST"]),
        Route("/api/v1/internal/canary/{id}", status, methods=["GET"]),
    ]


async def json_body(request: Request, empty: dict[str, Any] | None = None) -> dict[str, Any]:
    """The request's JSON object, or `empty` for no body; refused when it is longer than anything that is meant for this
    API."""
    text = b""
    async for part in request.stream():
        text += part
        if len(text) > LONGEST_BODY:
            raise HTTPException(413, f"The body is longer than {LONGEST_BODY} bytes.")
    if not text and empty is not None:
        return empty
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "The body is not JSON.") from error
    if not isinstance(value, dict):
        raise HTTPException(400, "The body is not a JSON object.")
    return value


def _field(body: dict[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise HTTPException(422, f"`{name}` must be a string that matches {pattern.pattern}")
    return value
