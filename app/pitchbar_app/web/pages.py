"""The pages that people see."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

import psycopg
from psycopg_pool import PoolTimeout
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from pitchbar_app.settings import Web
from pitchbar_app.web import widget
from pitchbar_app.web.services import Services

FOLDER = Path(__file__).parent
COUNT_DEADLINE = 2.0
log = logging.getLogger(__name__)


def routes(services: Services) -> list[Route]:
    """The routes of the pages."""
    settings = services.settings
    headers = {"content-security-policy": _policy(settings), "cache-control": "no-store"}

    async def index(request: Request) -> HTMLResponse:
        sources = await _sources(services)
        page = Template(_read("templates/index.html")).substitute(
            style=_read("static/page.css"),
            environment=escape(settings.app.environment),
            release=escape(settings.app.release),
            sources=sources or "not available: the database does not answer",
            widget=escape(widget.address(settings), quote=True),
        )
        return HTMLResponse(page, status_code=200 if sources else 503, headers=headers)

    async def demo(request: Request) -> HTMLResponse:
        page = Template(_read("templates/demo.html")).substitute(
            style=_read("static/page.css"),
            plain=escape(settings.widget_url),
            script=escape(_origin(settings.widget_url)),
            connect=escape(" ".join(_connected(settings))),
            widget=escape(widget.address(settings), quote=True),
        )
        return HTMLResponse(page, headers=headers)

    return [Route("/", index), Route("/demo", demo)]


async def _sources(services: Services) -> str | None:
    """How many sources there are; None where the database does not tell."""
    try:
        return str(await asyncio.wait_for(services.count_sources(), COUNT_DEADLINE))
    except TimeoutError:
        log.warning("The sources could not be counted: no answer within %g s", COUNT_DEADLINE)
    except (psycopg.Error, PoolTimeout) as error:
        log.warning("The sources could not be counted: %s", " ".join(str(error).split()))
    return None


def _policy(settings: Web) -> str:
    """Allow a page its own style, the widget's script and what that talks to, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(_read("static/page.css").encode()).digest()).decode()
    rules = (
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        f"script-src {_origin(settings.widget_url)}",
        f"connect-src {' '.join(_connected(settings))}",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return "; ".join(rules)


def _connected(settings: Web) -> tuple[str, ...]:
    """The origins that the widget talks to, each once."""
    return tuple(dict.fromkeys((_origin(settings.widget_url), _origin(settings.url), settings.realtime.origin)))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


@cache
def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
