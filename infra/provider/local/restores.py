"""Databases that were restored beside the running one: each a PostgreSQL of its own, supervised like everything else.

A restore is whole when its ``restore.json`` is there; anything else below ``restores/`` was interrupted.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from infra.provider.local import layout as folders
from infra.provider.local.layout import Layout, service_user, write_private
from infra.provider.local.run import run
from infra.provider.local.supervision import Program, Supervisor
from infra.toolchain import locate

_FACTS = "restore.json"


@dataclass(frozen=True)
class Restored:
    """A restored database server: its name, where it listens on 127.0.0.1, the moment that it shows, the base backup
    that it was made from, and when it was made (ISO 8601)."""

    name: str
    port: int
    moment: str
    backup: str
    made_at: str


def folder_of(layout: Layout, name: str) -> Path:
    """A restore's folder: its data, and its unix socket."""
    return layout.restores / name


def known(layout: Layout) -> tuple[Restored, ...]:
    """Every whole restore, by name."""
    files = sorted(layout.restores.glob(f"*/{_FACTS}"))
    return tuple(Restored(**json.loads(file.read_text(encoding="utf-8"))) for file in files)


def program_of(name: str) -> str:
    """What its process is called."""
    return f"restore-{name}"


def start(layout: Layout, restored: Restored) -> None:
    """Start its server, which is not waited for; one that runs already is replaced."""
    folder = folder_of(layout, restored.name)
    options = {
        "port": str(restored.port),
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": str(folder),
    }
    command = [str(locate().postgres / "bin" / "postgres"), "-D", str(folder / "data")]
    command += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    Supervisor(layout).start(
        Program(
            program_of(restored.name),
            tuple(command),
            folder / "data",
            stop_signal="INT",
            stop_timeout=60,
            user=service_user(),
        )
    )


def finish(layout: Layout, restored: Restored) -> None:
    """Record that a restore is whole."""
    write_private(folder_of(layout, restored.name) / _FACTS, json.dumps(asdict(restored)) + "\n")


def psql(layout: Layout, restored: Restored, statement: str) -> str:
    """Run a statement as its superuser. Raises :class:`UserError` while it doesn't answer."""
    folder = folder_of(layout, restored.name)
    command: Sequence[str | Path] = (locate().postgres / "bin" / "psql", "-h", folder, "-p", str(restored.port))
    options = ("-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "postgres", "-c", statement)
    return run([*command, *options], what="psql", timeout=30, user=service_user(), directory=folder)


def resume(layout: Layout) -> None:
    """Start again what a killed supervisord left stopped."""
    for restored in known(layout):
        if not Supervisor(layout).runs_or_starts(program_of(restored.name)):
            start(layout, restored)


def all_run(layout: Layout) -> bool:
    """Whether every restored server runs."""
    return all(Supervisor(layout).runs_or_starts(program_of(restored.name)) for restored in known(layout))


def drop(layout: Layout, name: str) -> None:
    """Stop a restored server and remove its data; whole, interrupted or gone already."""
    Supervisor(layout).remove(program_of(name))
    folders.remove(folder_of(layout, name))
    for log in layout.logs.glob(f"{program_of(name)}-0.log*"):
        log.unlink(missing_ok=True)


def drop_all(layout: Layout) -> None:
    """Remove every restore."""
    for folder in layout.restores.glob("*"):
        drop(layout, folder.name)
    folders.remove(layout.restores)
