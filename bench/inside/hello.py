"""Runs with the app's Python: the web framework's hello world on the app's own server. `python hello.py SOCKET`"""

from __future__ import annotations

import sys

from pitchbar_app.listen import listening
from pitchbar_app.server import serve
from starlette.applications import Starlette  # type: ignore[import-not-found]
from starlette.requests import Request  # type: ignore[import-not-found]
from starlette.responses import JSONResponse  # type: ignore[import-not-found]
from starlette.routing import Route  # type: ignore[import-not-found]


async def hello(request: Request) -> JSONResponse:
    """The page."""
    return JSONResponse({"hello": "world"})


if __name__ == "__main__":
    with listening(f"unix:{sys.argv[1]}") as listener:
        sys.exit(serve(Starlette(routes=[Route("/hello", hello)]), listener, stop_timeout=1, trusted_proxies=["*"]))
