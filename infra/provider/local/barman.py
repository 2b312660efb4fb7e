"""Barman's folder in an environment: its configuration, the programs it calls, and who runs it."""

import getpass
import json
import pwd
import shlex
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from infra.backups import segment_number
from infra.provider.local import backup_agent
from infra.provider.local.backup_agent import INTERRUPTED, SERVER
from infra.provider.local.layout import Layout, make_folder_of_service, remove, service_user, user_for, write_private
from infra.provider.local.postgres import BACKUP_ROLE
from infra.provider.local.run import run
from infra.toolchain import locate

SLOT = "barman"
"""The replication slot: what PostgreSQL keeps of its log until it is received."""

_CLUSTER = "cluster"
_CLIENTS = ("pg_basebackup", "pg_verifybackup", "pg_waldump", "psql")
_AGENT = Path(backup_agent.__file__)


def user() -> pwd.struct_passwd | None:
    """The user that Barman runs as, or None where that is the user of this process."""
    return user_for(locate().barman) and service_user()


def data(layout: Layout) -> Path:
    """Where Barman keeps base backups (``base``, ``meta``) and the log (``streaming``, ``wals``)."""
    return layout.backup / "data" / SERVER


def write(layout: Layout, port: int, retention: int) -> None:
    """Make the folder with all that Barman and the agent need. Safe to repeat."""
    make_folder_of_service(layout.backup)
    for folder in (layout.backup / "bin", layout.backup / "data"):
        make_folder_of_service(folder)
    for path, text in _files(layout, port, retention).items():
        write_private(path, text, for_service=True)
        if path.parent.name == "bin":
            path.chmod(0o700)


def is_current(layout: Layout, port: int, retention: int) -> bool:
    """Whether the folder has what :func:`write` would write."""
    return all(_text(path) == text for path, text in _files(layout, port, retention).items())


def set_aside(layout: Layout, current: str, cluster: str) -> None:
    """Put away what was received of a log that doesn't go on: the receiver would ask for the rest of it for ever.

    ``current``: the segment that PostgreSQL writes now; ``cluster``: its data. Where the backups are of other data, or
    the archive is ahead of the segment, they are another database's, whose segments have the same names: then all of
    it is kept apart, as ``earlier-<time>``.
    """
    received = [file for file in (data(layout) / "streaming").glob("*") if not file.name.startswith(".")]
    archived = data(layout).glob("wals/*/*")
    numbers = [number for file in (*received, *archived) if (number := segment_number(file.name)) is not None]
    if numbers and (is_of_other_data(layout, cluster) or max(numbers) > (segment_number(current) or 0)):
        (layout.backup / "data").rename(layout.backup / f"earlier-{datetime.now(UTC):%Y%m%dT%H%M%S}")
        remove(interrupted(layout))
        make_folder_of_service(layout.backup / "data")
        return
    if received:
        make_folder_of_service(interrupted(layout))
    for file in received:
        file.rename(interrupted(layout) / file.name.removesuffix(".partial"))


def is_of_other_data(layout: Layout, cluster: str) -> bool:
    """Whether what is there was received from other data; what an earlier version received says nothing of it."""
    return _text(layout.backup / _CLUSTER).strip() not in ("", cluster)


def note_cluster(layout: Layout, cluster: str) -> None:
    """Remember whose backups these are from now on."""
    if _text(layout.backup / _CLUSTER).strip() != cluster:
        write_private(layout.backup / _CLUSTER, cluster + "\n", for_service=True)


def interrupted(layout: Layout) -> Path:
    """Where :func:`set_aside` puts it."""
    return layout.backup / INTERRUPTED


def command(layout: Layout, *arguments: str) -> tuple[str, ...]:
    """A command line of Barman's."""
    return (str(locate().barman), "-m", "barman.cli", "-c", str(layout.backup / "barman.conf"), *arguments)


def agent(layout: Layout, task: str) -> tuple[str, ...]:
    """A command line of the agent's (see :mod:`infra.provider.local.backup_agent`)."""
    return (str(locate().barman), str(layout.backup / _AGENT.name), task, str(layout.backup))


def environment(layout: Layout) -> Mapping[str, str]:
    """The variables that Barman and the agent run with."""
    return {"PATH": f"{layout.backup / 'bin'}:/usr/bin:/bin", "HOME": str(layout.backup), "LANG": "C.UTF-8"}


def barman(layout: Layout, *arguments: str, timeout: float) -> str:
    """Run a command of Barman's to its end and return what it printed.

    Raises :class:`infra.errors.UserError` when it fails.
    """
    return run(
        command(layout, *arguments),
        what=f"barman {shlex.join(arguments)}",
        timeout=timeout,
        environment=environment(layout),
        directory=layout.backup,
        user=user(),
    )


def back_up(layout: Layout, timeout: float) -> Mapping[str, object]:
    """Take a base backup now: what the agent says of it."""
    output = run(
        ["sh", "-c", '"$@" || true', "agent", *agent(layout, "backup")],
        what="The base backup",
        timeout=timeout,
        environment=environment(layout),
        directory=layout.backup,
        user=user(),
    )
    result: dict[str, object] = json.loads(output.splitlines()[-1])
    return result


def _files(layout: Layout, port: int, retention: int) -> Mapping[Path, str]:
    tools, programs = locate(), layout.backup / "bin"
    clients = tools.postgres / "bin"
    address = ["-h", str(layout.postgres), "-p", str(port), "-U", BACKUP_ROLE, "-d", "postgres"]
    sql = [str(clients / "psql"), *address, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
    setpriv = shutil.which("setpriv") or "/usr/bin/setpriv"
    # Barman's receiver killed, PostgreSQL's must not go on and keep the slot from the next one.
    receive = [setpriv, "--pdeathsig", "TERM", "--", str(clients / "pg_receivewal")]
    return {
        layout.backup / "barman.conf": _configuration(layout, port, retention),
        layout.backup / _AGENT.name: _text(_AGENT),
        programs / "pg_receivewal": _script(receive, "--status-interval=1"),
        programs / "sql": _script(sql),
        programs / "rsync": _script([str(tools.rsync)]),
        **{programs / name: _script([str(clients / name)]) for name in _CLIENTS},
    }


def _script(words: list[str], last: str = "") -> str:
    return f'#!/bin/sh\nexec {shlex.join(words)} "$@" {last}'.rstrip() + "\n"


def _configuration(layout: Layout, port: int, retention: int) -> str:
    owner = user()
    address = f"host={layout.postgres} port={port} user={BACKUP_ROLE}"
    return f"""\
[barman]
barman_user = {owner.pw_name if owner else getpass.getuser()}
barman_home = {layout.backup}/data
barman_lock_directory = {layout.backup}/data
log_file = {layout.backup}/barman.log
log_level = WARNING
compression = gzip

[{SERVER}]
description = PostgreSQL of {layout.directory.name}
conninfo = {address} dbname=postgres
streaming_conninfo = {address}
backup_method = postgres
streaming_archiver = on
slot_name = {SLOT}
path_prefix = {layout.backup}/bin
retention_policy = RECOVERY WINDOW OF {retention} DAYS
minimum_redundancy = 1
"""


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
