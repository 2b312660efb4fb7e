"""What is made from this checkout or this machine: the service user, an empty cluster, the app's dependencies."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

from infra import app_environment, empty_cluster, toolchain
from infra.errors import UserError
from tools.provision.context import Context
from tools.provision.execute import CommandFailed, PartError, run
from tools.provision.parts.packages import PACKAGES
from tools.provision.parts.programs import Postgres


class ServiceUser:
    """The system user that PostgreSQL, Redis and Caddy run as when Pitchbar is run by root."""

    name = "Service user"

    def ready(self, context: Context) -> bool:
        """Whether there is one; an ordinary user needs none."""
        return os.geteuid() != 0 or _exists(toolchain.SERVICE_USER)

    def make(self, context: Context) -> None:
        """Add it: without a home, a password or a shell."""
        options = [
            "--system",
            "--user-group",
            "--no-create-home",
            "--home-dir",
            "/nonexistent",
            "--shell",
            "/usr/sbin/nologin",
        ]
        command = ["useradd", *options, toolchain.SERVICE_USER]
        try:
            run(command)
        except (CommandFailed, OSError) as error:
            if not _exists(toolchain.SERVICE_USER):
                raise PartError(f"the system user could not be added: {error}", " ".join(command)) from None

    def record(self, context: Context) -> Mapping[str, str | None]:
        """Nothing: its name is fixed."""
        return {}


class EmptyCluster:
    """The empty database cluster that every environment's begins as."""

    name = "Empty cluster"

    def ready(self, context: Context) -> bool:
        """Whether this PostgreSQL's is there."""
        postgres = _postgres(context)
        return postgres is not None and empty_cluster.folder(postgres).exists()

    def make(self, context: Context) -> None:
        """Run initdb, as the service user where there is one."""
        context.wait_for(Postgres.name)
        context.wait_for(ServiceUser.name)
        postgres = _postgres(context)
        assert postgres is not None, "PostgreSQL's part has ended without it"
        try:
            empty_cluster.ensure(postgres)
        except UserError as error:
            raise PartError(str(error), "make setup   (again, when that is mended)") from None

    def record(self, context: Context) -> Mapping[str, str | None]:
        """Nothing: `infra.empty_cluster` names its folder."""
        return {}


class AppDependencies:
    """The dependencies of the app in `app/`, apart from the platform's own."""

    name = "App dependencies"

    def ready(self, context: Context) -> bool:
        """Whether this lock's environment is there."""
        return toolchain.app_environment(_lock(context)).exists()

    def make(self, context: Context) -> None:
        """Install the lock, with hashes."""
        context.wait_for(PACKAGES)
        try:
            app_environment.ensure(
                _lock(context),
                python=context.python,
                run=lambda command: _say_nothing(run(command)),
                on_wait=lambda: context.waiting(self.name),
            )
        except CommandFailed as error:
            raise PartError(
                f"pip could not install app/requirements.txt:\n{error}", "make setup   (again, when that is mended)"
            ) from None

    def record(self, context: Context) -> Mapping[str, str | None]:
        """Nothing: `infra.toolchain.app_python` names its folder after the lock."""
        return {}


def _postgres(context: Context) -> Path | None:
    found = Postgres().record(context).get("postgres")
    return Path(found) if found else None


def _lock(context: Context) -> Path:
    return context.root / "app" / "requirements.txt"


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def _say_nothing(output: str) -> None:
    del output
