"""The API of version 1 for machines: tokens and sources. `/api/openapi.json` describes it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from redis import Redis
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pitchbar_app import dispatch
from pitchbar_app.crawl import urls
from pitchbar_app.encryption import Encrypter
from pitchbar_app.index.vectors import PgVectors
from pitchbar_app.store import Connection, sources
from pitchbar_app.store.sources import Source
from pitchbar_app.web import openapi, reading, tokens
from pitchbar_app.web.by_method import by_method
from pitchbar_app.web.limits import limit_sign_in, was_right
from pitchbar_app.web.services import Services
from pitchbar_app.web.sessions import Sessions

UNSTORED = {"cache-control": "no-store"}
REFUSAL = "This needs the header `Authorization: Bearer` with a token from POST /api/v1/tokens."


def routes(services: Services) -> list[Route]:
    """The routes of the API, apart from answers."""
    settings = services.settings
    encrypter, sessions = Encrypter(settings.keys), Sessions(services)

    async def admit(request: Request) -> None:
        header = request.headers.get("authorization")
        if not header or not await services.stored(tokens.valid, encrypter, header):
            raise HTTPException(401, REFUSAL, {"www-authenticate": "Bearer"})

    async def make_token(request: Request) -> Response:
        await limit_sign_in(services, request)
        body = await reading.document(request, "password", "name")
        if not sessions.right(reading.text(body, "password", 1000)):
            raise HTTPException(401, "This is not the admin's password.", {"www-authenticate": "Bearer"})
        await was_right(services, request)
        token_id, token = await services.stored(tokens.make, encrypter, reading.text(body, "name", 100))
        return JSONResponse({"id": token_id, "token": token}, 201, UNSTORED)

    async def remove_token(request: Request) -> Response:
        await admit(request)
        if not await services.stored(tokens.take_back, request.path_params["id"]):
            raise HTTPException(404, "There is no token of this id.")
        return Response(status_code=204)

    async def add(request: Request) -> Response:
        await admit(request)
        body = await reading.document(request, "url", "max_pages", "max_depth")
        limits = settings.crawl
        source = await add_source(
            services,
            reading.text(body, "url", urls.LONGEST),
            reading.number(body, "max_pages", 1, limits.max_pages, limits.max_pages),
            reading.number(body, "max_depth", 0, limits.max_depth, limits.max_depth),
        )
        shown = await services.stored(show, source.id)
        return JSONResponse(shown, 201, UNSTORED | {"location": f"/api/v1/sources/{source.id}"})

    async def listed(request: Request) -> Response:
        await admit(request)
        found = await services.stored(sources.newest)
        return JSONResponse({"sources": [_source(each) for each in found]}, headers=UNSTORED)

    async def one(request: Request) -> Response:
        await admit(request)
        return JSONResponse(await services.stored(show, reading.identifier(request)), headers=UNSTORED)

    async def remove(request: Request) -> Response:
        await admit(request)
        if not await services.stored(remove_source, reading.identifier(request)):
            raise HTTPException(404, "There is no source of this id.")
        return Response(status_code=204)

    async def description(request: Request) -> Response:
        return JSONResponse(openapi.document(settings), headers={"cache-control": "public, max-age=300"})

    return [
        Route("/api/openapi.json", description),
        Route("/api/v1/tokens", make_token, methods=["POST"]),
        Route("/api/v1/tokens/{id}", remove_token, methods=["DELETE"]),
        by_method("/api/v1/sources", {"GET": listed, "POST": add}),
        by_method("/api/v1/sources/{id}", {"GET": one, "DELETE": remove}),
    ]


async def add_source(services: Services, url: str, max_pages: int, max_depth: int) -> Source:
    """Add a source and send its first page; refused with a sentence where that cannot be done."""
    try:
        address = urls.normalise(url)
    except urls.Malformed as error:
        raise HTTPException(422, f"`url`: {error}") from error
    source = await services.stored(sources.create, address, max_pages, max_depth)
    if source is None:
        raise HTTPException(409, "This address is a source already.")
    try:
        await services.stored_and_queued(_send, services, source.id)
    except BaseException:
        await services.stored(remove_source, source.id)
        raise
    return source


def remove_source(connection: Connection, source_id: int) -> bool:
    """Remove a source with its pages, chunks and vectors."""
    return sources.delete(connection, PgVectors(connection), source_id)


def show(connection: Connection, source_id: int) -> dict[str, Any]:
    """A source and how far it is, as the API tells it."""
    source = sources.find(connection, source_id)
    if source is None:
        raise HTTPException(404, "There is no source of this id.")
    progress = asdict(sources.progress(connection, source_id))
    progress["problems"] = [{"url": url, "error": error} for url, error in progress["problems"]]
    return _source(source) | progress


def _send(connection: Connection, redis: Redis, services: Services, source_id: int) -> None:
    dispatch.source(connection, redis, services.settings.crawl, source_id)


def _source(source: Source) -> dict[str, Any]:
    times = {"created_at": source.created_at.isoformat(), "updated_at": source.updated_at.isoformat()}
    return asdict(source) | times
