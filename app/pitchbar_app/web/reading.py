"""Reads what clients send: bounded, typed, refused with a sentence."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

from pitchbar_app.store.sources import LARGEST_ID

LONGEST_BODY = 10_000
_UNFIT = re.compile("[\x00\ud800-\udfff]")
_NUMBER = re.compile(r"[0-9]{1,19}")


async def document(request: Request, *known: str) -> dict[str, Any]:
    """The request's JSON object, which may have these fields and no other."""
    try:
        value = json.loads(await _body(request))
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "The body is not JSON.") from error
    if not isinstance(value, dict):
        raise HTTPException(400, "The body is not a JSON object.")
    for name in value:
        if name not in known:
            raise HTTPException(422, f"`{name[:100]}` is no field of this; it has {', '.join(known)}.")
    return value


async def form(request: Request) -> dict[str, str]:
    """The fields of a form that a browser sent."""
    try:
        fields = parse_qsl((await _body(request)).decode(), keep_blank_values=True, max_num_fields=20)
    except ValueError as error:
        raise HTTPException(400, "The body is not a form.") from error
    return {name: _UNFIT.sub("", value) for name, value in fields}


def text(body: dict[str, Any], name: str, most: int) -> str:
    """A field that is text and not empty."""
    value = body.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > most or _UNFIT.search(value):
        raise HTTPException(422, f"`{name}` must be a text of 1 to {most} characters.")
    return value.strip()


def number(body: dict[str, Any], name: str, low: int, high: int, default: int) -> int:
    """A field that is a whole number, or is left out."""
    value = body.get(name, default)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise HTTPException(422, f"`{name}` must be a whole number from {low} to {high}.")
    return value


def identifier(request: Request) -> int:
    """The id in the request's path; 0, which nothing has, where it is not one."""
    given = str(request.path_params["id"])
    return int(given) if _NUMBER.fullmatch(given) and int(given) <= LARGEST_ID else 0


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_BODY:
            raise HTTPException(413, f"The body is longer than {LONGEST_BODY} bytes.")
    return body
