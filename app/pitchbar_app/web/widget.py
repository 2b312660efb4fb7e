"""The widget as sites load it: the script under its hash, and the small file that tells it where Pitchbar is."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pitchbar_app.settings import Web

FOLDER = Path(__file__).parent / "static"
FOR_EVER, SHORTLY = "public, max-age=31536000, immutable", "public, max-age=300"
FOR_EVERYONE = {"access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin"}


@dataclass(frozen=True)
class Script:
    """The bundle of `app/widget`; `encoded` has its bytes for each encoding, the best one first."""

    id: str
    encoded: Mapping[str, bytes]


def routes(settings: Web) -> list[Route]:
    """The routes of the script and its configuration."""

    async def script(request: Request) -> Response:
        made = bundle()
        encoding = _best(request.headers.get("accept-encoding", ""), made.encoded)
        tag = f'"{made.id}-{encoding}"'
        headers = {
            **FOR_EVERYONE,
            # The release before may be asked for the next one's script: another hash than its own, so not to be kept.
            "cache-control": FOR_EVER if request.query_params.get("id") == made.id else SHORTLY,
            "etag": tag,
            "vary": "accept-encoding",
        }
        if _matches(request.headers.get("if-none-match", ""), tag):
            return Response(status_code=304, headers=headers)
        if encoding != "identity":
            headers["content-encoding"] = encoding
        return Response(made.encoded[encoding], media_type="text/javascript", headers=headers)

    async def config(request: Request) -> JSONResponse:
        return JSONResponse(configuration(settings), headers={**FOR_EVERYONE, "cache-control": "no-cache"})

    return [Route("/widget/widget.js", script), Route("/widget/config.json", config)]


def configuration(settings: Web) -> dict[str, object]:
    """Where the widget asks its questions and hears the answers; nothing in it is a secret."""
    return {
        "answers": f"{settings.url.rstrip('/')}/api/v1/answers",
        "realtime": {"url": settings.realtime.origin, "key": settings.realtime.key},
        "release": settings.app.release,
    }


def address(settings: Web) -> str:
    """The address of the script with its hash, under which a browser keeps it for ever."""
    joint = "&" if "?" in settings.widget_url else "?"
    return f"{settings.widget_url}{joint}id={bundle().id}"


@cache
def bundle() -> Script:
    """The script of this release; its id is a hash of its bytes."""
    plain = (FOLDER / "widget.js").read_bytes()
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits=31)
    packed = packer.compress(plain) + packer.flush()
    encoded = {"br": (FOLDER / "widget.js.br").read_bytes(), "gzip": packed, "identity": plain}
    return Script(hashlib.sha256(plain).hexdigest()[:16], encoded)


def _best(accepted: str, encoded: Mapping[str, bytes]) -> str:
    """The first encoding that the header names and does not refuse."""
    weights: dict[str, str] = {}
    for part in accepted.lower().split(","):
        name, _, weight = part.partition(";")
        weights[name.strip()] = weight.replace(" ", "").removeprefix("q=") or "1"
    allowed = {name for name, weight in weights.items() if weight.strip("0.")}
    return next((name for name in encoded if name in allowed), "identity")


def _matches(header: str, tag: str) -> bool:
    return tag in (part.strip().removeprefix("W/") for part in header.split(","))
