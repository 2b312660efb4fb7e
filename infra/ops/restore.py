"""`pitchbar restore`: the database as it was at a moment, restored beside the running one."""

import re
import secrets
import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra import backups
from infra.backups import BaseBackup, written
from infra.errors import UserError
from infra.ops.backups import catalogue, layout_of
from infra.ops.console import Console
from infra.ops.stacks import Stack
from infra.ops.turn import turn
from infra.ops.typed import typed
from infra.paths import socket_path_fits
from infra.provider.local import barman, ports, restores
from infra.provider.local.backup_agent import SERVER
from infra.provider.local.layout import Layout, make_folder_of_service, service_user
from infra.provider.local.postgres import administer
from infra.provider.local.restores import Restored
from infra.provider.local.run import run
from infra.provider.local.supervision import Supervisor

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,19}")
_COPY_SECONDS = 6 * 3600.0
_REPLAY_SECONDS = 6 * 3600.0
_RECEIVE_SECONDS = 60.0
_POLL = 0.02
_SEGMENT_BYTES = 16 * 1024 * 1024
_ENDED_EARLY = "recovery ended before configured recovery target was reached"
_LAST = re.compile(r"last completed transaction was at log time (\S+ \S+)")


@dataclass(frozen=True)
class RestoreReport:
    """A restore that succeeded. ``last``: when the last transaction in it was committed, None where there was none
    after the base backup; ``seconds``: from the command to a database that can be written to."""

    stack: str
    restored: Restored
    folder: Path
    moment: datetime
    backup: BaseBackup
    last: datetime | None
    seconds: float

    @property
    def gap(self) -> float | None:
        """Seconds from the last transaction in it to the moment that was asked for."""
        return (self.moment - self.last).total_seconds() if self.last else None

    def document(self) -> dict[str, Any]:
        """The report for programs."""
        return {
            "stack": self.stack,
            "name": self.restored.name,
            "port": self.restored.port,
            "folder": str(self.folder),
            "moment": self.moment.isoformat(),
            "backup": self.backup.id,
            "last_transaction": self.last.isoformat() if self.last else None,
            "seconds": round(self.seconds, 2),
        }


def restore(stack: Stack, to: str, into: str, console: Console, *, wait: bool = True) -> RestoreReport:
    """Restore the database as it was at ``to`` into a server of its own named ``into``, and wait until it serves.

    Raises `UserError` where the moment can't be restored, the name is taken, or it failed; then nothing of it stays.
    """
    started = time.monotonic()
    moment = backups.parse_moment(to, datetime.now(UTC))
    layout = layout_of(stack.name)
    _check_name(layout, into)
    with turn(stack.name, f"pitchbar restore -s {stack.name}", console, wait=wait):
        _must_be_free(stack, layout, into)
        _mark_the_end(layout)
        found = catalogue(layout)
        if to.strip().lower() == backups.LATEST and found.windows:
            moment = min(moment, found.windows[-1].end)
        chosen = backups.choose(found.backups, moment)
        console.say(f"Restoring {written(moment)} from base backup {chosen.id} and the log after it.")
        restores.drop(layout, into)
        try:
            restored = _restore(layout, into, moment, chosen)
            last = _last_transaction(layout, restored)
        except BaseException:
            restores.drop(layout, into)
            raise
    folder = restores.folder_of(layout, into)
    return RestoreReport(stack.name, restored, folder, moment, chosen, last, time.monotonic() - started)


def drop(stack: Stack, name: str, console: Console, *, wait: bool = True) -> None:
    """Stop a restored server and remove its data. Raises `UserError` where there is none of that name."""
    layout = layout_of(stack.name)
    with turn(stack.name, f"pitchbar restore --drop {name} -s {stack.name}", console, wait=wait):
        _check_name(layout, name)
        if not restores.folder_of(layout, name).is_dir():
            there = ", ".join(restored.name for restored in restores.known(layout)) or "none"
            raise UserError(f"Stack {stack.name} has no restored database {name!r}; there is: {there}.")
        restores.drop(layout, name)


def _must_be_free(stack: Stack, layout: Layout, name: str) -> None:
    if any(restored.name == name for restored in restores.known(layout)):
        raise UserError(
            f"Stack {stack.name} has a restored database {name!r} already. Choose another name, or remove it with: "
            + typed(f"restore --drop {name} -s {stack.name}")
        )


def _check_name(layout: Layout, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise UserError(
            f"{name!r} can't be the name of a restored database: it takes 1 to 20 lower-case letters, digits, - and _, "
            "and begins with a letter."
        )
    if not socket_path_fits(restores.folder_of(layout, name) / ".s.PGSQL.65535"):
        raise UserError(f"{name!r} is too long for a unix socket below {layout.restores}. Choose a shorter name.")


def _mark_the_end(layout: Layout) -> None:
    """Commit a transaction now and wait until the log with it is received.

    PostgreSQL ends a recovery at the first commit after the moment, so there must be one. Where it doesn't answer,
    nothing is committed any more, and recovery goes to the end of what was received.
    """
    token = f"pitchbar-{secrets.token_hex(12)}"
    mark = "SELECT pg_logical_emit_message(true, 'pitchbar', '{}');"
    try:
        lines = (
            administer(layout, "\n".join([mark.format("end"), mark.format(token), _WHERE])).replace("|", " ").split()
        )
    except UserError:
        return
    segment, offset = lines[-2], int(lines[-1])
    deadline = time.monotonic() + _RECEIVE_SECONDS
    while time.monotonic() < deadline:
        if _holds(layout, segment, offset, token.encode()):
            return
        time.sleep(_POLL)
    raise UserError(
        f"PostgreSQL's log is not being received: the latest of it did not arrive within {_RECEIVE_SECONDS:.0f} s. "
        f"Look into {layout.logs / 'wal-receiver-0.log'}."
    )


def _holds(layout: Layout, segment: str, offset: int, token: bytes) -> bool:
    """Whether what was received holds the token, which ends shortly before ``offset``."""
    folder = barman.data(layout) / "streaming"
    for file in (folder / f"{segment}.partial", folder / segment):
        try:
            with file.open("rb") as log:
                log.seek(max(0, offset - 65536))
                if token in log.read(65536 + 65536):
                    return True
        except FileNotFoundError:
            continue
    return any(barman.data(layout).glob(f"wals/*/{segment}"))


def _restore(layout: Layout, name: str, moment: datetime, backup: BaseBackup) -> Restored:
    folder = restores.folder_of(layout, name)
    for part in (layout.restores, folder):
        make_folder_of_service(part)
    received = _received(layout, folder)
    target = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00:00")
    options = ["--no-get-wal", "--target-time", target, "--target-action", "promote"]
    barman.barman(layout, "restore", *options, SERVER, backup.id, str(folder / "data"), timeout=_COPY_SECONDS)
    _add(received, folder / "data" / "barman_wal")
    _give(folder)
    port = ports.find(f"{layout.directory} restore {name}")
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    restored = Restored(name, port, moment.isoformat(), backup.id, made_at)
    restores.start(layout, restored)
    _wait_until_it_serves(layout, restored)
    restores.finish(layout, restored)
    return restored


def _received(layout: Layout, folder: Path) -> Path:
    """Copy the log that was received and isn't archived yet, the segment being written too.

    Before Barman copies the archive: what moves there meanwhile is then in one of the two.
    """
    copies = folder / "received"
    copies.mkdir()
    for file in [*barman.interrupted(layout).glob("*"), *(barman.data(layout) / "streaming").iterdir()]:
        if backups.segment_number(file.name) is not None:
            try:
                shutil.copyfile(file, copies / file.name.removesuffix(".partial"))
            except FileNotFoundError:
                continue
    return copies


def _add(received: Path, log: Path) -> None:
    log.mkdir(exist_ok=True)
    for file in received.iterdir():
        if not (log / file.name).exists():
            file.rename(log / file.name)
    shutil.rmtree(received)


def _give(folder: Path) -> None:
    user = service_user()
    if user:
        run(["chown", "-R", f"{user.pw_uid}:{user.pw_gid}", folder], what="chown", timeout=600)


def _wait_until_it_serves(layout: Layout, restored: Restored) -> None:
    """Wait until it has replayed the log and takes changes."""
    data = restores.folder_of(layout, restored.name) / "data"
    supervisor = Supervisor(layout)
    targeted = True
    for _ in supervisor.wait(_REPLAY_SECONDS):
        if supervisor.failed(restores.program_of(restored.name)):
            if not targeted or _ENDED_EARLY not in _log(layout, restored):
                raise UserError(
                    "The restored PostgreSQL didn't start. Its last log lines:\n"
                    + supervisor.last_lines(f"{restores.program_of(restored.name)}-0")
                )
            # Nothing was committed between the end of the log and the moment: all of the log is what it was.
            targeted = False
            _drop_target(data)
            restores.start(layout, restored)
        elif not (data / "recovery.signal").exists() and _takes_changes(layout, restored):
            return
    raise UserError(f"The restored PostgreSQL did not replay its log within {_REPLAY_SECONDS / 3600:.0f} hours.")


def _takes_changes(layout: Layout, restored: Restored) -> bool:
    try:
        return restores.psql(layout, restored, "SELECT pg_is_in_recovery()").strip() == "f"
    except UserError:
        return False


def _drop_target(data: Path) -> None:
    settings = data / "postgresql.auto.conf"
    lines = settings.read_text(encoding="utf-8").splitlines(keepends=True)
    settings.write_text("".join(line for line in lines if not line.startswith("recovery_target")), encoding="utf-8")


def _last_transaction(layout: Layout, restored: Restored) -> datetime | None:
    found = _LAST.findall(_log(layout, restored))
    return datetime.fromisoformat(f"{found[-1]}") if found else None


def _log(layout: Layout, restored: Restored) -> str:
    log = layout.logs / f"{restores.program_of(restored.name)}-0.log"
    return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""


_WHERE = f"""
SELECT pg_walfile_name(lsn), mod(pg_wal_lsn_diff(lsn, '0/0'), {_SEGMENT_BYTES})::bigint
  FROM pg_current_wal_insert_lsn() AS lsn;
"""
