"""Puts the web process together."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator

from psycopg import OperationalError
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from pitchbar_app import health
from pitchbar_app.settings import Web
from pitchbar_app.web import admin, answers, api, broadcasting, internal, pages, tick, widget
from pitchbar_app.web.security import SecurityHeaders
from pitchbar_app.web.services import Services
from pitchbar_app.web.whole_requests import WholeRequests

log = logging.getLogger(__name__)


def create(settings: Web) -> ASGIApp:
    """The web application of one release."""
    services = Services(settings)

    @contextlib.asynccontextmanager
    async def lifespan(application: Starlette) -> AsyncIterator[None]:
        async with services.running():
            yield

    application = Starlette(
        routes=[
            *health.routes(settings.app.release, "app", services.checks),
            *pages.routes(services),
            *widget.routes(settings),
            *internal.routes(services),
            *broadcasting.routes(services),
            *api.routes(services),
            *answers.routes(services),
            *admin.routes(services),
            *tick.routes(services),
        ],
        exception_handlers={
            HTTPException: _refused,
            OperationalError: _away,
            RedisError: _away,
            Exception: _failed,
        },
        lifespan=lifespan,
    )
    return WholeRequests(SecurityHeaders(application))


async def _refused(request: Request, error: Exception) -> Response:
    """What the caller did wrong, in a sentence."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, status_code=error.status_code, headers=error.headers)


async def _away(request: Request, error: Exception) -> Response:
    """A part that this process needs does not answer; which one, the log and `/ready` say."""
    log.warning("%s %s: %s", request.method, request.url.path, " ".join(str(error).split()))
    sentence = "Pitchbar cannot do this at the moment: its database or its queue does not answer. Try again later."
    return JSONResponse({"error": sentence}, status_code=503, headers={"retry-after": "5"})


async def _failed(request: Request, error: Exception) -> Response:
    """Nothing about the inside; the log has it."""
    return JSONResponse({"error": "Pitchbar could not do this. The log of the app process says why."}, status_code=500)
