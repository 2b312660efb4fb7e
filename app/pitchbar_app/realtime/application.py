"""Puts the realtime process together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
from collections.abc import AsyncIterator

from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from pitchbar_app import health
from pitchbar_app.broadcast import topic
from pitchbar_app.checks import Check
from pitchbar_app.realtime.api import Api
from pitchbar_app.realtime.directory import Directory
from pitchbar_app.realtime.feed import Feed, Listener
from pitchbar_app.realtime.hub import Hub
from pitchbar_app.realtime.inbox import Inbox
from pitchbar_app.realtime.nodes import Nodes
from pitchbar_app.realtime.publisher import Publisher
from pitchbar_app.realtime.scripts import Scripts, members_topic, node_topic
from pitchbar_app.realtime.session import Outside, Sessions
from pitchbar_app.realtime.signatures import Credentials
from pitchbar_app.redis_clients import asynchronous
from pitchbar_app.server import serve
from pitchbar_app.settings import RealtimeServer

FAREWELL_DEADLINE = 0.7
RETIRING_DEADLINE = 0.3
log = logging.getLogger(__name__)


class Protocol(WebSocketsSansIOProtocol):
    """Gives the application the connection's transport, so that it can drop a client that does not read."""

    async def run_asgi(self) -> None:
        """Run the application for this connection."""
        self.scope["state"]["transport"] = self.transport
        await super().run_asgi()


class Parts:
    """Everything that works together in one realtime process."""

    def __init__(self, settings: RealtimeServer) -> None:
        app_id, node = settings.realtime.app_id, secrets.token_hex(8)
        self.settings = settings
        self.redis = asynchronous(settings.redis, settings.app, retries=0)
        self.hub = Hub(settings.realtime.activity_timeout)
        scripts = Scripts(self.redis, app_id, node)
        self.nodes = Nodes(self.hub, scripts)
        self.publisher = Publisher(self.redis, topic(app_id), lambda: self.nodes.count)
        listener = Listener(Inbox(self.hub, topic(app_id)).take, self.nodes.renew, self.publisher.interrupt)
        self.feed = Feed(settings, (topic(app_id), members_topic(app_id), node_topic(app_id, node)), listener)
        credentials = Credentials(settings.realtime.key, settings.realtime.secret)
        directory = Directory(self.nodes, scripts)
        self.api = Api(app_id, credentials, directory, self.publisher, self.redis, members_topic(app_id))
        outside = Outside(self.publisher.put, lambda: self.nodes.connections_elsewhere)
        self.sessions = Sessions(settings.realtime, self.hub, outside)

    async def farewell(self) -> None:
        """Leave the other processes, then ask every client to connect to one of them."""
        self.hub.changes.end()
        try:
            await asyncio.wait_for(self.nodes.retire(), RETIRING_DEADLINE)
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("Redis could not be told that this process leaves (%s)", error)
        await self.hub.farewell(FAREWELL_DEADLINE)

    async def check(self) -> str | None:
        """A sentence when events do not arrive or Redis does not know who is connected here."""
        return await self.feed.check() or await self.nodes.check()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Do what goes on beside the conversations."""
        work = (self.feed.run(), self.nodes.run(), self.publisher.run(), self.hub.sweep())
        tasks = [asyncio.create_task(each) for each in work]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.feed.close()
            await self.redis.aclose()


def run(settings: RealtimeServer, listener: socket.socket) -> int:
    """Serve until SIGTERM; every client is then asked to reconnect. The result is the exit status."""
    parts = Parts(settings)
    return serve(
        create(parts),
        listener,
        stop_timeout=1,
        trusted_proxies=settings.app.trusted_proxies,
        websockets=Protocol,
        farewell=parts.farewell,
    )


def create(parts: Parts) -> Starlette:
    """The realtime application of one release."""

    @contextlib.asynccontextmanager
    async def lifespan(application: Starlette) -> AsyncIterator[None]:
        async with parts.running():
            yield

    checks = {"redis": Check(parts.check, "The subscription to Redis does not answer")}
    return Starlette(
        routes=[
            *health.routes(parts.settings.app.release, "realtime", checks),
            *parts.api.routes(),
            WebSocketRoute("/app/{key}", parts.sessions),
        ],
        lifespan=lifespan,
    )
