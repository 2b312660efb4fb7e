"""One connection to the database that is kept for readiness checks, apart from the pool that serves requests.

It fails at once, with the reason, where a pool would wait for a connection; and a pool that is busy does not make the
process look as if the database were gone.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import psycopg

from pitchbar_app.database import connect_async
from pitchbar_app.settings import App, Database

Connection = psycopg.AsyncConnection[tuple[Any, ...]]


class Probe:
    """Asks the database for one value at a time, on a connection that is made again when it broke."""

    def __init__(self, database: Database, app: App) -> None:
        self._database = database
        self._app = app
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()

    async def value(self, query: str) -> Any:
        """The first column of the first row; None where there is no row."""
        async with self._turn:
            if self._connection is not None:
                with contextlib.suppress(psycopg.OperationalError):
                    return await self._ask(self._connection, query)
            self._connection = await connect_async(self._database, self._app)
            return await self._ask(self._connection, query)

    async def close(self) -> None:
        """Close the connection, if there is one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _ask(self, connection: Connection, query: str) -> Any:
        try:
            row = await (await connection.execute(query)).fetchone()
        except psycopg.errors.UndefinedTable:
            raise
        except BaseException:
            await self.close()
            raise
        return None if row is None else row[0]
