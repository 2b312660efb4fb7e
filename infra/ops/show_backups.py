"""Backups and restores as people read them."""

import os
import shlex
from collections.abc import Mapping

from infra.backups import BaseBackup, written
from infra.ops.backups import BackupStatus, Catalogue
from infra.ops.console import Console, pairs, table
from infra.ops.restore import RestoreReport
from infra.ops.typed import typed
from infra.provider.local.layout import Layout, service_user
from infra.provider.local.postgres import port_of
from infra.toolchain import locate
from infra.wiring import DATABASE


def show_backup(stack: str, result: Mapping[str, object], console: Console) -> None:
    """The end of `pitchbar backup`."""
    console.say(f"Base backup {result['id']} of stack {stack} is taken and verified ({result['seconds']} s).")
    console.say(f"All there are: {typed(f'backups -s {stack}')}")


def show_catalogue(stack: str, found: Catalogue, console: Console) -> None:
    """Base backups, the newest first; the times that can be restored; what was restored."""
    if not found.backups:
        console.say("There is no base backup yet; the first one is taken within a minute after the environment is up.")
    rows = [
        [
            backup.id,
            _size(backup.size),
            _state(backup, console),
            f"restores from {written(backup.ended)}" if backup.ended else "",
            f"to {written(backup.reach)}" if backup.usable and backup.reach else "",
        ]
        for backup in found.backups
    ]
    for line in table(rows, ""):
        console.say(line)
    for window in found.windows:
        console.say(f"Can be restored: any moment from {written(window.start)} to {written(window.end)}.")
    if found.lag is not None:
        console.say(f"The log is received as it is written; {_size(found.lag)} are on their way.")
    else:
        until = f" since {written(found.received)}" if found.received else ""
        console.say(
            console.paint(f"The log is not received{until}.", "red") + f" To heal it: {typed(f'up -s {stack}')}"
        )
    for restored in found.restores:
        console.say(f"Restored beside it: {restored.name}, from {restored.backup}, on port {restored.port}.")


def status_line(found: BackupStatus, console: Console) -> str:
    """The line of `pitchbar status`."""
    if found.last is None or found.age is None:
        last = "none yet"
    else:
        verified = {True: "verified", False: console.paint("NOT VERIFIED", "red"), None: "being verified"}
        last = f"{found.last}, {_age(found.age)} ago, {verified[found.verified]}"
    lag = (
        console.paint("not received", "red") if found.wal_lag_bytes is None else f"{_size(found.wal_lag_bytes)} behind"
    )
    return f"Last base backup: {last}; the log: {lag}."


def show_restore(report: RestoreReport, console: Console) -> None:
    """Where the restored database is, how old it is, and how to look at it and copy from it."""
    name, stack = report.restored.name, report.stack
    console.say(f"Stack {stack} as it was at {written(report.moment)} is in {name}, beside the running database.")
    if report.last and report.gap is not None:
        console.say(f"The last transaction in it is of {written(report.last)}, {report.gap:.3f} s before that moment.")
    console.say(f"It took {report.seconds:.1f} s from the command until it takes changes (the recovery time).")
    layout = Layout(report.folder.parent.parent)
    restored = _client(str(report.folder), report.restored.port)
    running = _client(str(layout.postgres), port_of(layout))
    console.say()
    lines = {
        "look at it": f"{_as_user()}{_program('psql')} {restored}",
        "by TCP": f"postgresql://{DATABASE}@127.0.0.1:{report.restored.port}/{DATABASE} (the app's own password)",
        "copy a table": f"{_as_user()}{_program('pg_dump')} {restored} --data-only --table TABLE"
        f" | {_as_user()}{_program('psql')} {running} --single-transaction",
        "remove it": typed(f"restore --drop {name} -s {stack}"),
    }
    for line in pairs(lines):
        console.say(line)


def _client(host: str, port: int) -> str:
    return f"-h {shlex.quote(host)} -p {port} -U postgres -d {DATABASE}"


def _program(name: str) -> str:
    return shlex.quote(str(locate().postgres / "bin" / name))


def _as_user() -> str:
    """Only the user whom PostgreSQL runs as is let in over its unix socket."""
    user = service_user()
    if user is None or os.geteuid() != 0:
        return ""
    return f"setpriv --reuid {user.pw_name} --regid {user.pw_gid} --clear-groups -- "


def _state(backup: BaseBackup, console: Console) -> str:
    if backup.verified:
        return console.paint("verified", "green")
    if backup.verified is False:
        return console.paint("NOT VERIFIED", "red")
    return "being made"


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} TB"


def _age(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
