"""Answers for visitors: whole as the response, and sentence by sentence over the realtime server."""

from __future__ import annotations

import uuid
from typing import Any

from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pitchbar_app.broadcast import CHANNEL, event, topic
from pitchbar_app.index.answering import Answer, Part, answer
from pitchbar_app.index.embedding import HashingEmbedder
from pitchbar_app.index.vectors import PgVectors
from pitchbar_app.store import Connection
from pitchbar_app.web import reading
from pitchbar_app.web.limits import limit
from pitchbar_app.web.services import Services

LONGEST_QUESTION = 500
GUARDED = ("private-", "presence-")
ANYONE = Middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["POST"], allow_headers=["content-type"])


def routes(services: Services) -> list[Route]:
    """The route that the widget asks, from the pages of any site."""
    per_minute = services.settings.answers_per_minute

    async def ask(request: Request) -> Response:
        await limit(services, request, "answers", per_minute)
        body = await reading.document(request, "question", "channel")
        question, channel = reading.text(body, "question", LONGEST_QUESTION), _channel(body)
        answer_id = uuid.uuid4().hex
        if channel:
            await _tell(services, channel, "answer.started", {"id": answer_id, "question": question})
        found = await services.stored(find, question)
        if channel:
            await _stream(services, channel, answer_id, found)
        return JSONResponse(_document(answer_id, question, found), headers={"cache-control": "no-store"})

    return [Route("/api/v1/answers", ask, methods=["POST", "OPTIONS"], middleware=[ANYONE])]


def find(connection: Connection, question: str) -> Answer:
    """The answer to a question."""
    return answer(connection, PgVectors(connection), HashingEmbedder(), question)


def texts(found: Answer) -> list[str]:
    """The parts of the answer, which put together are its text."""
    return [f" {part.text}" if number else part.text for number, part in enumerate(found.parts)] or [found.text]


async def _stream(services: Services, channel: str, answer_id: str, found: Answer) -> None:
    for index, text in enumerate(texts(found)):
        known: dict[str, Any] = {"id": answer_id, "index": index, "text": text}
        if found.parts:
            known["url"] = found.parts[index].link
        await _tell(services, channel, "answer.part", known)
    finished = {"id": answer_id, "text": found.text, "found": bool(found.parts), "links": _links(found)}
    await _tell(services, channel, "answer.finished", finished)


async def _tell(services: Services, channel: str, name: str, data: dict[str, Any]) -> None:
    message = event([channel], name, data)
    await services.redis.publish(topic(services.settings.realtime.app_id), message.encode())


def _document(answer_id: str, question: str, found: Answer) -> dict[str, Any]:
    return {
        "id": answer_id,
        "question": question,
        "answer": found.text,
        "found": bool(found.parts),
        "links": _links(found),
        "parts": [{"text": part.text, "title": part.title, "url": part.link} for part in found.parts],
    }


def _links(found: Answer) -> list[dict[str, str]]:
    return [_link(part) for part in found.sources]


def _link(part: Part) -> dict[str, str]:
    return {"title": part.title, "heading": part.text, "url": part.link, "page": part.url}


def _channel(body: dict[str, Any]) -> str | None:
    """The public channel to tell the answer on; None where the response is enough."""
    channel = body.get("channel")
    if channel is None:
        return None
    if not isinstance(channel, str) or not CHANNEL.fullmatch(channel) or channel.startswith(GUARDED):
        raise HTTPException(
            422, "`channel` must be the name of a public channel: letters, digits and _-=@,.; up to 200."
        )
    return channel
