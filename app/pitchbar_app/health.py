"""The two health endpoints that every server answers: `/up` (this process runs) and `/ready` (it can do its work)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from pitchbar_app.checks import Check, run_all

NEVER_STORED = {"cache-control": "no-store"}


def routes(release: str, process: str, checks: dict[str, Check]) -> list[Route]:
    """The routes `/up` and `/ready` of one process."""

    async def up(request: Request) -> JSONResponse:
        return JSONResponse({"status": "up", "release": release, "process": process}, headers=NEVER_STORED)

    async def ready(request: Request) -> JSONResponse:
        good, results = await run_all(checks)
        body = {"status": "ready" if good else "not ready", "release": release, "process": process, "checks": results}
        return JSONResponse(body, status_code=200 if good else 503, headers=NEVER_STORED)

    return [Route("/up", up), Route("/ready", ready)]
