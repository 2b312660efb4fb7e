"""PostgreSQL 16 of the local target."""

from pulumi import Output, ResourceOptions

from infra.resources import Postgres, PostgresArgs
from infra.targets.base import Plan


def create_postgres(plan: Plan, password: Output[str], opts: ResourceOptions) -> Postgres:
    """The database server. Its data is in the environment's folder and goes with it."""
    settings = {"shared_buffers": f"{plan.environment.postgres.memory // 4}MB"}
    return Postgres(
        "postgres", PostgresArgs(str(plan.directory), "pitchbar", "pitchbar", password, settings=settings), opts
    )
