"""Puts the realtime process together."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from pitchbar_app import health
from pitchbar_app.checks import Check
from pitchbar_app.realtime.feed import Feed
from pitchbar_app.realtime.hub import Hub
from pitchbar_app.realtime.session import Sessions
from pitchbar_app.server import serve
from pitchbar_app.settings import RealtimeServer

FAREWELL_DEADLINE = 0.7


class Protocol(WebSocketsSansIOProtocol):
    """Gives the application the connection's transport, so that it can drop a client that does not read."""

    async def run_asgi(self) -> None:
        """Run the application for this connection."""
        self.scope["state"]["transport"] = self.transport
        await super().run_asgi()


def run(settings: RealtimeServer, listener: socket.socket) -> int:
    """Serve until SIGTERM; every client is then asked to reconnect. The result is the exit status."""
    hub = Hub(settings.realtime.activity_timeout)

    async def farewell() -> None:
        await hub.farewell(FAREWELL_DEADLINE)

    application = create(settings, hub)
    return serve(application, listener, stop_timeout=1, websockets=Protocol, farewell=farewell)


def create(settings: RealtimeServer, hub: Hub) -> Starlette:
    """The realtime application of one release."""
    feed = Feed(settings, hub.deliver)

    @contextlib.asynccontextmanager
    async def lifespan(application: Starlette) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(feed.run()), asyncio.create_task(hub.sweep())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await feed.close()

    checks = {"redis": Check(feed.check, "The subscription to Redis does not answer")}
    return Starlette(
        routes=[
            *health.routes(settings.app.release, "realtime", checks),
            WebSocketRoute("/app/{key}", Sessions(settings.realtime, hub)),
        ],
        lifespan=lifespan,
    )
