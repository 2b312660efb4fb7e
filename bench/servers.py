"""The app's processes on a PostgreSQL and a Redis of their own, for what is measured without an environment."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.errors import UserError
from infra.paths import project_root
from infra.toolchain import app_python
from tests.app.processes import APP, Launcher, environment, launcher
from tests.support import services
from tests.support.processes import PATIENCE
from tests.support.services import Redis

INSIDE = project_root() / "bench" / "inside"
_DATABASE = "bench"


@dataclass(frozen=True)
class Servers:
    """A folder for sockets and logs, the Redis, and what starts the app's processes."""

    folder: Path
    redis: Redis
    app: Launcher

    def inside(self, script: str, *arguments: str) -> list[str]:
        """The command line of a script that the app's Python runs."""
        return [str(app_python(APP / "requirements.txt")), str(INSIDE / script), *arguments]

    def environment(self) -> dict[str, str]:
        """Its environment."""
        return self.app.environment | {"PYTHONPATH": f"{APP}:{INSIDE}"}

    @contextlib.contextmanager
    def running(self, script: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """The script while the block runs."""
        with (self.folder / f"{script}.log").open("wb") as log:
            process = subprocess.Popen(
                self.inside(script, *arguments),
                env=self.environment(),
                cwd=APP,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(PATIENCE)


@contextlib.contextmanager
def servers() -> Iterator[Servers]:
    """Everything, migrated; gone at the end."""
    with services.service_folder() as folder, services.postgres(folder) as postgres, services.redis(folder) as redis:
        postgres.execute(f"CREATE DATABASE {_DATABASE}")
        own = folder / "processes"
        own.mkdir()
        known = environment(postgres, redis, _DATABASE) | {"ANSWERS_PER_MINUTE": "100000"}
        with launcher(own, known) as app:
            done = app.run("migrate")
            if done.returncode:
                raise UserError(f"The database of the bench could not be migrated:\n{done.stderr}")
            yield Servers(own, redis, app)
