"""Backups of the local target, by Barman."""

from pulumi import ResourceOptions

from infra.targets.base import Plan
from infra.targets.local.resources import BackupServer, BackupServerArgs, Postgres


def create_backups(plan: Plan, postgres: Postgres, opts: ResourceOptions) -> BackupServer | None:
    """The backup server where the environment has backups; nothing waits for it, so a release doesn't either."""
    backups = plan.environment.backups
    if not backups.daily:
        return None
    args = BackupServerArgs(str(plan.directory), postgres.bound_port, backups.retention, postgres.cluster)
    return BackupServer("backup", args, opts)
