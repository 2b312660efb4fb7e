"""``pitchbar:local:BackupServer``: Barman receives PostgreSQL's log as it is written, and a clock of ours takes a base
backup every day.

Nothing waits for it: the first base backup is taken by the clock after the update, and ``pitchbar backups`` shows it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.errors import UserError
from infra.provider.base import Resource, extend, replace
from infra.provider.local import barman, restores
from infra.provider.local import layout as folders
from infra.provider.local.backup_agent import SERVER
from infra.provider.local.barman import SLOT
from infra.provider.local.layout import Layout
from infra.provider.local.postgres import BACKUP_ROLE, administer, admit
from infra.provider.local.supervision import Program, Supervisor

RECEIVER, CLOCK = "wal-receiver", "backup-clock"
_SHORTEST, _LONGEST = 1, 35


@dataclass(frozen=True)
class Inputs:
    """``port``: where PostgreSQL listens. ``retention``: days that a base backup and the log after it are kept.
    ``cluster``: the data that is backed up; backups of other data are put away."""

    directory: str
    port: int
    retention: int
    cluster: str = ""


@dataclass(frozen=True)
class State(Inputs):
    """``running``: whether log is received into an unbroken archive, and the clock runs."""

    running: bool = False


class BackupServerResource(Resource[Inputs, State]):
    """A singleton: made anew, it takes over the backups that are there."""

    inputs = Inputs
    state = State
    replaces = frozenset({"directory"})

    def check(self, inputs: Inputs) -> Mapping[str, str]:
        if _SHORTEST <= inputs.retention <= _LONGEST:
            return {}
        return {"retention": f"is {inputs.retention}; it must be from {_SHORTEST} to {_LONGEST} days"}

    def create(self, inputs: Inputs) -> tuple[str, State]:
        layout = Layout(Path(inputs.directory))
        supervisor = Supervisor(layout)
        for name in (RECEIVER, CLOCK):
            supervisor.remove(name)
        barman.write(layout, inputs.port, inputs.retention)
        admit(layout)
        made = _MADE in administer(layout, _PREPARE).split()
        if made or barman.is_of_other_data(layout, inputs.cluster):
            barman.set_aside(layout, administer(layout, _SEGMENT).strip(), inputs.cluster)
        barman.note_cluster(layout, inputs.cluster)
        for program in _programs(layout):
            supervisor.start(program)
        restores.resume(layout)
        return "backup", extend(State, inputs, running=True)

    def read(self, id: str, state: State) -> State | None:
        layout = Layout(Path(state.directory))
        if not layout.backup.is_dir():
            return None
        supervisor = Supervisor(layout)
        runs = all(supervisor.runs_or_starts(program) for program in (RECEIVER, CLOCK))
        current = runs and barman.is_current(layout, state.port, state.retention) and restores.all_run(layout)
        return replace(state, running=current and _slot_is_whole(layout))

    def update(self, id: str, state: State, inputs: Inputs) -> State:
        return self.create(inputs)[1]

    def delete(self, id: str, state: State) -> None:
        layout = Layout(Path(state.directory))
        for program in (CLOCK, RECEIVER):
            Supervisor(layout).remove(program)
        restores.drop_all(layout)
        folders.remove(layout.backup)
        try:
            administer(layout, _UNDO)
        except UserError:
            if _answers(layout):
                raise


def _programs(layout: Layout) -> tuple[Program, Program]:
    """The receiver, and the clock, which leaves the processors to everything else."""
    user, variables = barman.user(), barman.environment(layout)
    receive = barman.command(layout, "receive-wal", SERVER)
    keep_time = ("nice", "-n", "10", *barman.agent(layout, "clock"))
    return (
        Program(RECEIVER, receive, layout.backup, variables, user=user),
        Program(CLOCK, keep_time, layout.backup, variables, user=user),
    )


def _answers(layout: Layout) -> bool:
    try:
        administer(layout, "SELECT 1;")
    except UserError:
        return False
    return True


def _slot_is_whole(layout: Layout) -> bool:
    """Whether PostgreSQL still has all the log that wasn't received; it gives that up rather than fill the disk."""
    try:
        return administer(layout, _SLOT_STATUS).strip() not in ("", "lost")
    except UserError:
        return False


_SLOT_STATUS = f"SELECT wal_status FROM pg_replication_slots WHERE slot_name = '{SLOT}';"

_SEGMENT = "SELECT pg_walfile_name(pg_current_wal_insert_lsn());"
_MADE = "made"
_PREPARE = f"""
SELECT 'CREATE ROLE {BACKUP_ROLE}' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{BACKUP_ROLE}') \\gexec
ALTER ROLE {BACKUP_ROLE} LOGIN REPLICATION;
GRANT pg_checkpoint, pg_read_all_settings, pg_read_all_stats TO {BACKUP_ROLE};
GRANT EXECUTE ON FUNCTION pg_backup_start(text, bool), pg_backup_stop(bool), pg_switch_wal(),
    pg_create_restore_point(text) TO {BACKUP_ROLE};
SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
 WHERE slot_name = '{SLOT}' AND wal_status = 'lost';
SELECT 'SELECT ''{_MADE}'' FROM pg_create_physical_replication_slot(''{SLOT}'', true)'
 WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '{SLOT}') \\gexec
"""

_UNDO = f"""
DO $$
BEGIN
    FOR attempt IN 1..100 LOOP
        PERFORM pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '{SLOT}' AND active;
        EXIT WHEN NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '{SLOT}' AND active);
        PERFORM pg_sleep(0.05);
    END LOOP;
END $$;
SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '{SLOT}';
SELECT 'DROP OWNED BY {BACKUP_ROLE}; DROP ROLE {BACKUP_ROLE}'
 WHERE EXISTS (SELECT FROM pg_roles WHERE rolname = '{BACKUP_ROLE}') \\gexec
"""
