"""Servers for the app's tests, started once, and processes of the app for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.processes import APP, Launcher, Process, environment, launcher
from tests.support import services
from tests.support.services import Postgres, Redis

HEAD = max(path.name[:4] for path in (APP / "pitchbar_app" / "migrations" / "versions").glob("0*.py"))
_numbers = itertools.count()


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    with services.service_folder() as made:
        yield made


@pytest.fixture(scope="session")
def postgres(folder: Path) -> Iterator[Postgres]:
    with services.postgres(folder) as server:
        yield server


@pytest.fixture(scope="session")
def redis(folder: Path) -> Iterator[Redis]:
    with services.redis(folder) as server:
        yield server


@pytest.fixture(scope="session")
def migrated(folder: Path, postgres: Postgres, redis: Redis) -> str:
    """The name of a database at the newest revision."""
    postgres.execute("CREATE DATABASE migrated")
    known = environment(postgres, redis, "migrated")
    with launcher(folder, known) as app:
        done = app.run("migrate")
    assert done.returncode == 0, done.stderr
    return "migrated"


@pytest.fixture
def database(postgres: Postgres, migrated: str) -> str:
    """The name of a database at the newest revision, whose tables are empty."""
    postgres.execute("TRUNCATE sources, canaries, vectors, app_settings CASCADE", migrated)
    postgres.execute(f"DELETE FROM alembic_version; INSERT INTO alembic_version VALUES ('{HEAD}')", migrated)
    return migrated


@pytest.fixture
def empty_database(postgres: Postgres) -> str:
    """The name of a fresh database without any table."""
    name = f"empty_{next(_numbers)}"
    postgres.execute(f"CREATE DATABASE {name}")
    return name


@pytest.fixture
def app(folder: Path, postgres: Postgres, redis: Redis, database: str) -> Iterator[Launcher]:
    """Starts processes on a fresh database and ends them with the test."""
    place = folder / f"p{next(_numbers)}"
    place.mkdir()
    own_queue = {"CANARY_QUEUE": f"canary-{place.name}"}
    with launcher(place, environment(postgres, redis, database) | own_queue) as made:
        yield made


@pytest.fixture(scope="module")
def shared(folder: Path, postgres: Postgres, redis: Redis, migrated: str) -> Iterator[Launcher]:
    """Starts processes that several tests of one module share."""
    place = folder / f"p{next(_numbers)}"
    place.mkdir()
    with launcher(place, environment(postgres, redis, migrated)) as made:
        yield made


@pytest.fixture(scope="module")
def web(shared: Launcher) -> Process:
    return shared.start("web", wait="/ready")


@pytest.fixture(scope="module")
def realtime(shared: Launcher) -> Process:
    return shared.start("realtime", wait="/ready")


@pytest.fixture(scope="module")
def worker(shared: Launcher) -> Process:
    return shared.start("worker")
