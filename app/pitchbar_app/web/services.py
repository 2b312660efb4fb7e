"""What the web process talks to: one database pool and two Redis clients, opened and closed with the process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from psycopg.errors import UndefinedTable

from pitchbar_app import schema
from pitchbar_app.checks import Check
from pitchbar_app.database import blocking_pool, pool
from pitchbar_app.redis_clients import asynchronous, blocking
from pitchbar_app.settings import Web
from pitchbar_app.web.probe import Probe

if TYPE_CHECKING:
    import psycopg
    from psycopg_pool import ConnectionPool

CLOSING_DEADLINE = 2.0
Result = TypeVar("Result")


class Services:
    """The connections of the web process and the checks on them."""

    def __init__(self, settings: Web) -> None:
        self.settings = settings
        self.database = pool(settings.database, settings.app)
        self._probe = Probe(settings.database, settings.app)
        self.redis = asynchronous(settings.redis, settings.app)
        self._jobs = blocking(settings.redis, settings.app, retries=1)
        self._stored: ConnectionPool[psycopg.Connection[tuple[Any, ...]]] | None = None
        self.checks = {
            "database": Check(self._check_database, "The database does not answer"),
            "redis": Check(self._check_redis, "Redis does not answer"),
            "migrations": Check(self._check_migrations, "The revision of the database cannot be read"),
        }

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Open the connections, and close them at the end."""
        await self.database.open(wait=False)
        try:
            yield
        finally:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(CLOSING_DEADLINE):
                    await asyncio.gather(self.database.close(timeout=1), self._probe.close(), self.redis.aclose())
            self._jobs.close()
            if self._stored is not None:
                self._stored.close(timeout=1)

    async def queueing(self, call: Callable[..., Result], *arguments: Any) -> Result:
        """Run a function of `pitchbar_app.queueing`, which blocks, with a Redis client and the arguments."""
        return await asyncio.to_thread(call, self._jobs, *arguments)

    async def stored(self, call: Callable[..., Result], *arguments: Any) -> Result:
        """Run a function of `pitchbar_app.store`, which blocks, with a connection to the database and the arguments."""
        pool = self._blocking()

        def run() -> Result:
            with pool.connection() as connection:
                return call(connection, *arguments)

        return await asyncio.to_thread(run)

    async def stored_and_queued(self, call: Callable[..., Result], *arguments: Any) -> Result:
        """The same for a function that puts jobs on their queues, too."""
        return await self.stored(call, self._jobs, *arguments)

    def _blocking(self) -> ConnectionPool[psycopg.Connection[tuple[Any, ...]]]:
        """The pool for blocking functions, opened when the first one needs it."""
        if self._stored is None:
            self._stored = blocking_pool(self.settings.database, self.settings.app)
            self._stored.open(wait=False)
        return self._stored

    async def count_sources(self) -> int:
        """How many sources there are."""
        async with self.database.connection() as connection:
            row = await (await connection.execute("SELECT count(*) FROM sources")).fetchone()
            return int(row[0]) if row else 0

    async def _check_database(self) -> None:
        await self._probe.value("SELECT 1")

    async def _check_redis(self) -> None:
        await self.redis.ping()

    async def _check_migrations(self) -> str | None:
        try:
            current = await self._probe.value("SELECT version_num FROM alembic_version")
        except UndefinedTable:
            current = None
        return schema.problem(current)
