"""Brings the database to this release's schema.

Safe to repeat and to run twice at once (an advisory lock), and careful with a database in use: a migration waits at
most one second for a lock, then lets the others go on and tries again.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
from psycopg import errors

from pitchbar_app import database, schema
from pitchbar_app.settings import Migrate

ADVISORY_LOCK = 7_240_116_301
TURN_DEADLINE = 60.0
LOCK_ATTEMPTS = 10
LONGEST_PAUSE = 2.0
OPTIONS = "-c lock_timeout=1s -c statement_timeout=5s"
log = logging.getLogger(__name__)
Result = TypeVar("Result")
Connection = psycopg.Connection[tuple[Any, ...]]


class MigrationError(Exception):
    """The migration cannot be done; the text says why and what to do."""


def run(settings: Migrate) -> int:
    """Migrate and print `{"from": revision or null, "to": revision}`; the result is the exit status."""
    try:
        before, after = migrate(settings)
    except MigrationError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps({"from": before, "to": after}), flush=True)
    return 0


def migrate(settings: Migrate) -> tuple[str | None, str]:
    """Bring the database to this release's newest revision; return the one it was at before and the one it is at now.

    A newer revision that leaves this release working is left as it is.
    """
    with _connect(settings) as guard:
        _take_turn(guard)
        before = _insist(lambda: _current(guard))
        if before is not None and before in settings.compatible_revisions:
            return before, before
        if before is not None and before not in schema.revisions():
            raise MigrationError(
                f"The database is at revision {before}, which this release does not know (its newest is "
                f"{schema.head()}): a newer release has migrated it. Deploy that release or a newer one, or restore "
                f"the database from a backup made before it."
            )
        if before != schema.head():
            _insist(lambda: _upgrade(settings))
    return before, schema.head()


def _connect(settings: Migrate) -> Connection:
    try:
        return database.connect(settings.database, settings.app, options=OPTIONS)
    except psycopg.OperationalError as error:
        where = f"{settings.database.host}:{settings.database.port}"
        reason = " ".join(str(error).split())
        raise MigrationError(
            f"Cannot reach the database {settings.database.name} at {where} ({reason}). "
            f"Check that PostgreSQL runs there and that the DB_ variables are right."
        ) from error


def _take_turn(guard: Connection) -> None:
    """Wait until no other migration runs; the lock ends with the connection."""
    deadline = time.monotonic() + TURN_DEADLINE
    while True:
        row = guard.execute("SELECT pg_try_advisory_lock(%s)", (ADVISORY_LOCK,)).fetchone()
        if row is not None and row[0]:
            return
        if time.monotonic() > deadline:
            raise MigrationError(
                f"Another migration has been running on this database for {TURN_DEADLINE:g} seconds. "
                f"Wait for it to end, then run this again."
            )
        time.sleep(0.05)


def _current(guard: Connection) -> str | None:
    row = guard.execute("SELECT to_regclass('alembic_version') IS NOT NULL").fetchone()
    if row is None or not row[0]:
        return None
    found = guard.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if found is None else str(found[0])


def _insist(step: Callable[[], Result]) -> Result:
    """Do the step, again and again while others hold a lock that it needs."""
    for attempt in range(1, LOCK_ATTEMPTS + 1):
        try:
            return step()
        except errors.LockNotAvailable:
            log.warning("attempt %d of %d: a table is in use, trying again", attempt, LOCK_ATTEMPTS)
            time.sleep(min(0.1 * 2**attempt, LONGEST_PAUSE))
        except psycopg.Error as error:
            reason = " ".join(str(error).split())
            raise MigrationError(
                f"The migration to revision {schema.head()} failed and was rolled back: {reason}."
            ) from error
    raise MigrationError(
        f"The migration to revision {schema.head()} found a table locked by others {LOCK_ATTEMPTS} times and was "
        f"rolled back. End the long transaction that holds it, then run this again."
    )


def _upgrade(settings: Migrate) -> None:
    """Run Alembic, which is only imported where there is something to upgrade: most releases have nothing."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine, pool
    from sqlalchemy.exc import DBAPIError

    engine = create_engine("postgresql+psycopg://", creator=lambda: _plain(settings), poolclass=pool.NullPool)
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS).replace("%", "%%"))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except DBAPIError as error:
            raise error.orig or error from error


def _plain(settings: Migrate) -> Connection:
    """A connection for SQLAlchemy, which begins and ends the transactions itself."""
    connection = _connect(settings)
    connection.autocommit = False
    return connection
