"""Reads what is left of a request before it is answered.

An answer that comes while the request's body is still on its way, as a refusal does, makes gateways give up the
connection now and then, and tell the client 502 instead.
"""

from __future__ import annotations

import asyncio
import contextlib

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST = 1024 * 1024
PATIENCE = 2.0


class WholeRequests:
    """Takes in the rest of a body, up to a megabyte and two seconds, before the answer to it begins."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and watch how much of it was read."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        left = MOST

        async def receiving() -> Message:
            nonlocal left
            message = await receive()
            left = left - len(message.get("body", b"")) if message.get("more_body") else 0
            return message

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PATIENCE):
                        while left > 0:
                            await receiving()
            await send(message)

        await self._app(scope, receiving, sending)
