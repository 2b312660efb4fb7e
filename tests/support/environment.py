"""One real environment of the local target for tests: its folder, its supervisord, and what a test adds to them."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra import app_environment, wiring
from infra.load import environment as environment_of
from infra.load import load
from infra.provider.local import migration, postgres, redis, release, service, supervisor
from infra.provider.local.layout import Layout
from infra.provider.local.supervision import Supervisor
from infra.release.content import release_id
from infra.release.runtime import render, to_json
from tests.support.processes import command_line, concerning, wait_until

APP = Path(__file__).resolve().parents[2] / "app"
RUNTIME = render(environment_of(load(), "local"))
DATABASE_PASSWORD = "database-password-of-the-tests"
REDIS_PASSWORD = "redis-password-of-the-tests"
QUEUE_TOKEN = "queue-token-of-the-tests"
REALTIME_KEY = "realtime-key"


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """A temporary folder that PostgreSQL's user can pass through, with a path short enough for unix sockets."""
    folder = Path(tempfile.mkdtemp(prefix="pitchbar-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Environment:
    """An environment whose supervisord runs."""

    directory: str
    id: str
    state: supervisor.State

    @property
    def layout(self) -> Layout:
        """Its folders."""
        return Layout(Path(self.directory))

    @property
    def supervisor(self) -> Supervisor:
        """Its supervisord."""
        return Supervisor(self.layout)

    @property
    def supervisor_pid(self) -> int:
        """The supervisord's process id."""
        return int((self.layout.directory / "supervisord.pid").read_text())

    def pid(self, program: str, number: int = 0) -> int:
        """The process id of one process of a program, once it is that program: signals before that are lost."""
        wait_until(lambda: self._pids(program, number), f"{program}-{number} has a process")
        return self._pids(program, number)[0]

    def _pids(self, program: str, number: int) -> list[int]:
        found = [p.pid for p in self.supervisor.processes(program) if p.name == f"{program}-{number}" and p.pid]
        return [pid for pid in found if command_line(pid) != command_line(self.supervisor_pid)]


@contextlib.contextmanager
def environment() -> Iterator[Environment]:
    """A running environment with nothing in it. Its end proves that removing it leaves no process and no file."""
    with short_folder() as folder:
        directory = folder / "env"
        resource = supervisor.SupervisorResource()
        id, state = resource.create(supervisor.Inputs(str(directory)))
        try:
            yield Environment(str(directory), id, state)
        finally:
            resource.delete(id, state)
            assert concerning(directory) == {}
            assert not directory.exists()


@dataclass(frozen=True)
class Furnished:
    """An environment with PostgreSQL, Redis and the bundled app's release, its schema in place."""

    home: Environment
    postgres: postgres.State
    redis: redis.State
    release: release.State

    def variables(self, process: str = "app", **others: str) -> Mapping[str, str]:
        """What a process of the app is told."""
        own = {"APP_PROCESS": process, "STOP_TIMEOUT": "5", "QUEUES": "crawl,index,default"}
        return {**app_variables(self.postgres, self.redis, self.release.release), **own, **others}


@contextlib.contextmanager
def furnished() -> Iterator[Furnished]:
    """An environment that the app's processes can start in."""
    with environment() as home:
        yield furnish(home)


def furnish(home: Environment) -> Furnished:
    """Make PostgreSQL, Redis, the release and the schema."""
    _, database = postgres.PostgresResource().create(
        postgres.Inputs(home.directory, "pitchbar", "pitchbar", DATABASE_PASSWORD)
    )
    _, cache = redis.RedisResource().create(redis.Inputs(home.directory, REDIS_PASSWORD))
    app_environment.ensure(APP / "requirements.txt")
    _, current = release.ReleaseResource().create(
        release.Inputs(home.directory, release_id(APP, RUNTIME), to_json(RUNTIME), str(APP))
    )
    command = (current.python, "-m", "pitchbar_app", "migrate")
    variables = app_variables(database, cache, current.release)
    migration.MigrationResource().create(
        migration.Inputs(home.directory, current.release, current.path, command, 60, variables)
    )
    return Furnished(home, database, cache, current)


def app_variables(database: postgres.State, cache: redis.State, release_name: str) -> dict[str, str]:
    """The environment variables of Pitchbar's processes."""
    keys = wiring.Keys(f"base64:{'A' * 43}=", "", "admin-password", QUEUE_TOKEN, "", REALTIME_KEY, "realtime-secret")
    address = wiring.Address(
        "http://app.localhost:8000", "http://cdn.localhost:8000", "http", "realtime.localhost", "8000"
    )
    return {
        **wiring.release_variables("local", release_name),
        **wiring.database_variables(
            wiring.Database("127.0.0.1", str(database.bound_port), "pitchbar", "pitchbar", DATABASE_PASSWORD)
        ),
        **wiring.cache_variables(wiring.Cache("127.0.0.1", str(cache.bound_port), REDIS_PASSWORD)),
        **wiring.key_variables(keys),
        **wiring.address_variables(address),
    }


def service_inputs(made: Furnished, process: str, *arguments: str, **changes: object) -> service.Inputs:
    """What a Service of the app is made of; ``arguments`` follow ``python -m pitchbar_app``."""
    listens = process != "worker"
    values: dict[str, object] = {
        "directory": made.home.directory,
        "process": process,
        "release": made.release.release,
        "path": made.release.path,
        "command": (made.release.python, "-m", "pitchbar_app", *arguments),
        "replicas": 1,
        "health_path": "/ready" if listens else "",
        "ready_timeout": 60,
        "stop_timeout": 10,
        "environment": made.variables(process),
        **changes,
    }
    return service.Inputs(**values)  # type: ignore[arg-type]


PYTHON = os.path.realpath(sys.executable)
"""A Python that every user can run, without any package."""


def standin_inputs(home: Environment, mode: str = "serve", **changes: object) -> service.Inputs:
    """A Service whose processes are ``tests/support/standin.py``."""
    path = home.layout.releases / "standin"
    path.mkdir(exist_ok=True)
    shutil.copyfile(Path(__file__).with_name("standin.py"), path / "standin.py")
    process = str(changes.get("process", "app"))
    values: dict[str, object] = {
        "directory": home.directory,
        "process": process,
        "release": "r1",
        "path": str(path),
        "command": (PYTHON, "-I", "-S", "-B", "standin.py", mode, "--listen", "unix:{socket}"),
        "replicas": 1,
        "health_path": "/ready",
        "ready_timeout": 60,
        "stop_timeout": 5,
        "environment": {"APP_RELEASE": str(changes.get("release", "r1")), "APP_PROCESS": process},
        **changes,
    }
    return service.Inputs(**values)  # type: ignore[arg-type]


@contextlib.contextmanager
def taken_port(port: int = 0) -> Iterator[int]:
    """A port of 127.0.0.1 that a foreign program listens on."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        yield int(listener.getsockname()[1])


def owner_name() -> str:
    """The user that owns the data of PostgreSQL, Redis and Caddy."""
    import getpass

    return "pitchbar" if os.geteuid() == 0 else getpass.getuser()
