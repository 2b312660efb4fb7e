"""Backup and restore of the measured stack, and the same by PostgreSQL's own tools alone."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from bench.commands import STACK, must, pitchbar
from infra import paths
from infra.errors import UserError
from infra.ops.backups import catalogue
from infra.provider.local.layout import Layout, make_folder_of_service, service_user
from infra.provider.local.postgres import BACKUP_ROLE, administer, port_of
from infra.provider.local.run import run
from infra.toolchain import locate

_ROWS = 400_000
_NAME = "bench"
_PATIENCE = 60.0
_PORT = "5432"
"""Of a server that listens on a unix socket in a folder of its own only."""


class Backups:
    """The database of the stack, with some rows in it, and a folder for what the plain tools make."""

    def __init__(self, folder: Path) -> None:
        self._layout = Layout(paths.environment_dir(STACK))
        self._folder = folder
        self._programs = locate().postgres / "bin"

    def prepare(self) -> None:
        """Make the rows, and let the first base backup of a new environment end."""
        shutil.rmtree(self._folder, ignore_errors=True)
        make_folder_of_service(self._folder)
        rows = f"CREATE TABLE IF NOT EXISTS bench AS SELECT n, md5(n::text) FROM generate_series(1, {_ROWS}) AS n;"
        administer(self._layout, rows)
        deadline = time.monotonic() + _PATIENCE
        while not any(backup.usable for backup in catalogue(self._layout).backups):
            if time.monotonic() > deadline:
                raise UserError(f"The stack had no base backup within {_PATIENCE:.0f} s.")
            time.sleep(0.1)

    def ours(self) -> float:
        """`pitchbar backup`, which verifies what it took."""
        return must(pitchbar("backup")).seconds

    def plain(self) -> float:
        """pg_basebackup and pg_verifybackup."""
        started = time.monotonic()
        address = ("-h", self._layout.postgres, "-p", str(port_of(self._layout)), "-U", BACKUP_ROLE)
        self._run("pg_basebackup", *address, "-D", self._folder / "base", "-X", "stream", "-c", "fast")
        self._run("pg_verifybackup", self._folder / "base")
        return time.monotonic() - started

    def restored(self) -> float:
        """`pitchbar restore`, to the latest moment; until the restored database can be written to."""
        seconds = must(pitchbar("restore", "--to", "latest", "--into", _NAME, "--yes")).seconds
        must(pitchbar("restore", "--drop", _NAME, "--yes"))
        return seconds

    def plainly_restored(self) -> float:
        """A copy of the plain base backup and a server on it that is ready; without the log after the backup."""
        data = self._folder / "data"
        started = time.monotonic()
        run(["cp", "-a", self._folder / "base", data], what="cp", timeout=_PATIENCE, user=service_user())
        options = f"-p {_PORT} -k {self._folder} -c listen_addresses=''"
        try:
            self._run("pg_ctl", "start", "-w", "-D", data, "-l", self._folder / "log", "-o", options)
            return time.monotonic() - started
        finally:
            self._run("pg_ctl", "stop", "-D", data, "-m", "immediate", "-s")
            shutil.rmtree(data)
            shutil.rmtree(self._folder / "base")

    def _run(self, program: str, *arguments: str | Path) -> None:
        command = [self._programs / program, *arguments]
        run(command, what=program, timeout=_PATIENCE, user=service_user(), directory=self._folder)
