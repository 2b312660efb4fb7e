"""PostgreSQL 16 of the local target."""

from pulumi import Output, ResourceOptions

from infra.targets.base import Plan
from infra.targets.local.resources import Postgres, PostgresArgs
from infra.wiring import DATABASE


def create_postgres(plan: Plan, password: Output[str], opts: ResourceOptions) -> Postgres:
    """The database server. Its data is in the environment's folder and goes with it."""
    size = plan.environment.postgres
    # Log that the backup server hasn't received yet is kept for it, but never so much that the disk fills.
    settings = {"shared_buffers": f"{size.memory // 4}MB", "max_slot_wal_keep_size": f"{size.disk // 4}MB"}
    return Postgres(
        "postgres", PostgresArgs(str(plan.directory), DATABASE, DATABASE, password, settings=settings), opts
    )
