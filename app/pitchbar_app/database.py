"""Connections to PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg

from pitchbar_app.settings import App, Database

if TYPE_CHECKING:
    from psycopg_pool import AsyncConnectionPool, ConnectionPool

CONNECT_TIMEOUT = 2
STATEMENT_TIMEOUT_MS = 10_000


def connect(database: Database, app: App, *, options: str | None = None) -> psycopg.Connection[tuple[Any, ...]]:
    """One blocking connection in autocommit mode, for jobs and migrations."""
    return psycopg.connect(**_parameters(database, app, options), autocommit=True)


async def connect_async(database: Database, app: App) -> psycopg.AsyncConnection[tuple[Any, ...]]:
    """One connection for the event loop, in autocommit mode."""
    return await psycopg.AsyncConnection.connect(**_parameters(database, app, None), autocommit=True)


def pool(database: Database, app: App) -> AsyncConnectionPool[psycopg.AsyncConnection[tuple[Any, ...]]]:
    """A closed pool of connections in autocommit mode; a connection that the server ended is replaced on use."""
    from psycopg_pool import AsyncConnectionPool

    return AsyncConnectionPool(
        check=AsyncConnectionPool.check_connection, max_size=10, name="database", **_pooled(database, app)
    )


def blocking_pool(database: Database, app: App) -> ConnectionPool[psycopg.Connection[tuple[Any, ...]]]:
    """The same for functions that block, which run in threads."""
    from psycopg_pool import ConnectionPool

    return ConnectionPool(check=ConnectionPool.check_connection, max_size=8, name="blocking", **_pooled(database, app))


def _pooled(database: Database, app: App) -> dict[str, Any]:
    return {
        "kwargs": {**_parameters(database, app, None), "autocommit": True},
        "min_size": 0,
        "open": False,
        "timeout": CONNECT_TIMEOUT,
        "reconnect_timeout": CONNECT_TIMEOUT,
        "max_idle": 300,
    }


def _parameters(database: Database, app: App, options: str | None) -> dict[str, Any]:
    return {
        "host": database.host,
        "port": database.port,
        "dbname": database.name,
        "user": database.user,
        "password": database.password.reveal(),
        "sslmode": database.sslmode,
        "connect_timeout": CONNECT_TIMEOUT,
        "application_name": f"pitchbar-{app.process}",
        "options": options or f"-c statement_timeout={STATEMENT_TIMEOUT_MS}",
    }
