"""The page that people see, and the widget's script."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from pitchbar_app.settings import Web
from pitchbar_app.web.services import Services

FOLDER = Path(__file__).parent
COUNT_DEADLINE = 2.0


def routes(services: Services) -> list[Route]:
    """The routes of the page and the script."""
    settings = services.settings
    script = widget(settings)
    tag = f'"{hashlib.sha256(script).hexdigest()[:32]}"'

    async def index(request: Request) -> HTMLResponse:
        sources = await _sources(services)
        page = Template(_read("templates/index.html")).substitute(
            style=_read("static/page.css"),
            environment=escape(settings.app.environment),
            release=escape(settings.app.release),
            sources=sources or "not available: the database does not answer",
            widget=escape(settings.widget_url, quote=True),
        )
        headers = {"content-security-policy": _policy(settings), "cache-control": "no-store"}
        return HTMLResponse(page, status_code=200 if sources else 503, headers=headers)

    async def widget_script(request: Request) -> Response:
        headers = {
            "cache-control": "public, max-age=300",
            "etag": tag,
            "access-control-allow-origin": "*",
            "cross-origin-resource-policy": "cross-origin",
        }
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(script, media_type="text/javascript", headers=headers)

    return [Route("/", index), Route("/widget/widget.js", widget_script)]


def widget(settings: Web) -> bytes:
    """The widget's script, told which realtime server to talk to."""
    realtime = settings.realtime
    known = json.dumps({"socket": f"{realtime.origin}/app/{realtime.key}?protocol=7&client=widget&version=1"})
    return f"({_read('static/widget.js').strip()})({known});\n".encode()


async def _sources(services: Services) -> str | None:
    try:
        return str(await asyncio.wait_for(services.count_sources(), COUNT_DEADLINE))
    except Exception:
        return None


def _policy(settings: Web) -> str:
    """Allow this page its own style, the widget's script and the realtime server, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(_read("static/page.css").encode()).digest()).decode()
    address = urlsplit(settings.widget_url)
    rules = (
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        f"script-src {address.scheme}://{address.netloc}",
        f"connect-src {settings.realtime.origin}",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return "; ".join(rules)


@cache
def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
