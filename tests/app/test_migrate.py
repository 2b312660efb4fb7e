"""`migrate`: repeated, at the same time, in a busy database, and on a schema that it does not know."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg

from tests.app.conftest import HEAD
from tests.app.processes import APP, Launcher
from tests.support.services import Postgres

VERSIONS = APP / "pitchbar_app" / "migrations" / "versions"


def test_migrate_twice(app: Launcher, postgres: Postgres, empty_database: str) -> None:
    first = app.run("migrate", DB_DATABASE=empty_database)
    assert (first.returncode, first.stdout, first.stderr) == (0, f'{{"from": null, "to": "{HEAD}"}}\n', "")
    second = app.run("migrate", DB_DATABASE=empty_database)
    assert (second.returncode, second.stdout, second.stderr) == (0, f'{{"from": "{HEAD}", "to": "{HEAD}"}}\n', "")
    tables = postgres.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1", empty_database)
    assert {"alembic_version", "canaries", "sources", "chunks", "vectors"} <= set(tables.split())


def test_migrate_at_once(app: Launcher, empty_database: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: app.run("migrate", DB_DATABASE=empty_database), range(4)))
    assert [each.stderr for each in done] == [""] * 4
    results = sorted((json.loads(each.stdout) for each in done), key=lambda result: result["from"] or "")
    assert results == [{"from": None, "to": HEAD}] + [{"from": HEAD, "to": HEAD}] * 3


def test_unknown_revision(app: Launcher, postgres: Postgres, database: str) -> None:
    postgres.execute("UPDATE alembic_version SET version_num = '9999'", database)
    done = app.run("migrate")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"The database is at revision 9999, which this release does not know (its newest is {HEAD}): a newer release "
        "has migrated it. Deploy that release or a newer one, or restore the database from a backup made before it.\n"
    )


def test_database_that_cannot_be_reached(app: Launcher, postgres: Postgres) -> None:
    done = app.run("migrate", DB_PORT="1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Cannot reach the database {app.environment['DB_DATABASE']} at 127.0.0.1:1 (")
    assert done.stderr.endswith("Check that PostgreSQL runs there and that the DB_ variables are right.\n")
    assert done.stderr.count("\n") == 1


def test_wrong_password_is_a_sentence_without_it(app: Launcher) -> None:
    done = app.run("migrate", DB_PASSWORD="not-the-password")
    assert done.returncode == 1
    assert "password authentication failed" in done.stderr
    assert "not-the-password" not in done.stderr
    assert "Traceback" not in done.stderr


def test_locked_table_is_tried_again(app: Launcher, postgres: Postgres, empty_database: str) -> None:
    """Somebody holds a lock for longer than one attempt waits; the migration succeeds when it is free."""
    with _connect(postgres, empty_database) as holder:
        holder.execute("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
        holder.commit()
        holder.execute("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
        timer = threading.Timer(2.0, holder.rollback)
        timer.start()
        started = time.monotonic()
        done = app.run("migrate", DB_DATABASE=empty_database)
        timer.join()
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - started > 1.5


def test_failing_migration_is_rolled_back_and_told(app: Launcher, postgres: Postgres, empty_database: str) -> None:
    postgres.execute("CREATE TABLE canaries (id int)", empty_database)
    done = app.run("migrate", DB_DATABASE=empty_database)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f'The migration to revision {HEAD} failed and was rolled back: relation "canaries" already exists.\n'
    )
    assert postgres.execute("SELECT to_regclass('sources')", empty_database) == ""


def test_revisions_count_up_without_a_branch() -> None:
    """The serving processes read the revisions from the files' names; the files must agree with them."""
    known: list[dict[str, Any]] = []
    for path in sorted(VERSIONS.glob("*.py")):
        known.append(_assignments(path) | {"name": path.name[:4]})
    assert [each["revision"] for each in known] == [each["name"] for each in known]
    assert [each["down_revision"] for each in known] == [None, *(each["revision"] for each in known[:-1])]


def _assignments(path: Path) -> dict[str, Any]:
    lines = path.read_text().splitlines()
    found = {line.split(" = ")[0].split(":")[0]: line.split(" = ")[1] for line in lines if "revision" in line[:13]}
    return {name: None if value == "None" else json.loads(value) for name, value in found.items()}


def _connect(postgres: Postgres, database: str) -> psycopg.Connection[tuple[Any, ...]]:
    return psycopg.connect(
        host=postgres.host, port=postgres.port, user=postgres.user, password=postgres.password, dbname=database
    )
