"""Headers for every response, and the bearer token of the internal API."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pitchbar_app.secret import Secret

HEADERS = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "strict-origin-when-cross-origin",
}


class SecurityHeaders:
    """Adds the headers that a response does not set itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and complete the headers of its response."""

        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, complete if scope["type"] == "http" else send)


def authorized(header: str | None, tokens: Iterable[Secret]) -> bool:
    """True when the Authorization header carries one of the tokens; takes the same time whatever is wrong."""
    scheme, _, given = (header or "").partition(" ")
    found = False
    for token in tokens:
        found |= hmac.compare_digest(given.strip().encode(), token.reveal().encode())
    return found and scheme.lower() == "bearer"


def admit(request: Request, tokens: Iterable[Secret]) -> None:
    """Refuse a request to the internal API that carries none of the tokens."""
    if not authorized(request.headers.get("authorization"), tokens):
        raise HTTPException(
            401,
            "This needs the header `Authorization: Bearer` with the value of INTERNAL_QUEUE_TOKEN.",
            {"www-authenticate": "Bearer"},
        )
