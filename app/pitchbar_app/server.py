"""Runs an ASGI application until SIGTERM, then finishes what is in flight and returns."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Sequence

import uvicorn
from starlette.types import ASGIApp

# Longer than a gateway keeps an idle connection (Caddy: 2 minutes), so that it never uses one that is just closed here.
IDLE_TIMEOUT = 180
LONGEST_FRAME = 64 * 1024
CLOSING_DEADLINE = 0.5


class Server(uvicorn.Server):
    """A uvicorn server that stops accepting, says good-bye, and then lets its connections end."""

    def __init__(self, config: uvicorn.Config, farewell: Callable[[], Awaitable[None]] | None) -> None:
        super().__init__(config)
        self._farewell = farewell

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the listeners, run the farewell, then uvicorn's own shutdown."""
        for server in self.servers:
            server.close()
        if self._farewell is not None:
            await self._farewell()
            await self._answered()
        await super().shutdown(sockets)

    async def _answered(self) -> None:
        """Give the clients a moment to answer the closing of their WebSocket, so that it ends cleanly."""
        deadline = time.monotonic() + CLOSING_DEADLINE
        while time.monotonic() < deadline and any(
            isinstance(connection, self.config.ws_protocol_class or ()) for connection in self.server_state.connections
        ):
            await asyncio.sleep(0.02)


def serve(
    application: ASGIApp,
    listener: socket.socket,
    *,
    stop_timeout: int,
    trusted_proxies: Sequence[str],
    websockets: type[asyncio.Protocol] | None = None,
    farewell: Callable[[], Awaitable[None]] | None = None,
) -> int:
    """Serve on the listening socket; the result is the process's exit status."""
    config = uvicorn.Config(
        application,
        loop="uvloop",
        http="httptools",
        ws=websockets or "none",
        ws_max_size=LONGEST_FRAME,
        ws_ping_interval=None,
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        forwarded_allow_ips=list(trusted_proxies),
        timeout_keep_alive=IDLE_TIMEOUT,
        timeout_graceful_shutdown=stop_timeout,
    )
    server = Server(config, farewell)
    server.run(sockets=[listener])
    return 0 if server.started else 1
