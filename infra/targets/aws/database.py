"""An environment's own database in the server, and the role that owns it."""

from dataclasses import dataclass

import pulumi
from pulumi import Output, ResourceOptions

from infra import wiring
from infra.cloud_names import own_name
from infra.targets.aws import resources
from infra.targets.aws.access import allow
from infra.targets.aws.database_script import LIBPQ, SCRIPT
from infra.targets.aws.foundation import Foundation
from infra.targets.aws.public_task import PublicTask, PublicTaskArgs, create_public_task
from infra.targets.aws.secrets import Secrets
from infra.targets.aws.sizes import Size
from infra.targets.base import Plan, cloud_of

_SIZE = Size(256, 512)
_SECONDS = 300
"""That the task may take, most of which Fargate needs to start it."""


@dataclass(frozen=True)
class DatabaseArgs:
    """``secrets``: they have the password of the role."""

    plan: Plan
    foundation: Foundation
    secrets: Secrets


class Database(pulumi.ComponentResource):
    """Every environment has a database and a role of its own, so the app is never the master user, and previews in one
    server can't see each other. A one-off task makes both, inside the network, and gives the role its password again
    whenever the task definition changes: the definition names the version of the secret. A preview's are dropped with
    it; an environment's own server goes as a whole, so there nothing is dropped.

    TLS without the authority's certificate (``sslmode=require``), which the public image doesn't have: SCRAM proves to
    each side that the other knows the password, and libpq binds it to the connection where the server offers that.
    """

    name: Output[str]
    username: Output[str]
    ready: resources.Database
    """Who connects must wait for it."""

    def __init__(self, name: str, args: DatabaseArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("pitchbar:aws:OwnDatabase", name, None, opts)
        self._args = args
        self._child = ResourceOptions(parent=self)
        self._database = _database(args.plan)
        task = self._create_task()
        self.ready = self._create_database(task)
        self.name = self.username = self.ready.name
        self.register_outputs({"name": self.name, "username": self.username})

    def _create_task(self) -> PublicTask:
        server, secrets = self._args.foundation.database_server, self._args.secrets
        return create_public_task(
            PublicTaskArgs(
                plan=self._args.plan,
                foundation=self._args.foundation,
                name="database",
                purpose="Makes and drops the database of the environment",
                image=self._args.foundation.registry.postgres_image,
                script=SCRIPT,
                environment={
                    "DATABASE_NAME": self._database,
                    **LIBPQ,
                    "PGHOST": server.address,
                    "PGPORT": Output.from_input(server.port).apply(lambda port: str(int(port))),
                    "PGSSLMODE": "require",
                },
                secrets={
                    "DATABASE_PASSWORD": secrets.references["DB_PASSWORD"],
                    # Without a version: RDS changes the master's password by itself.
                    "PGPASSWORD": Output.concat(server.master_secret_arn, ":password::"),
                    "PGUSER": Output.concat(server.master_secret_arn, ":username::"),
                },
                readable=[server.master_secret_arn, secrets.environment_arn],
                size=_SIZE,
            ),
            self._child,
        )

    def _create_database(self, task: PublicTask) -> resources.Database:
        foundation, plan = self._args.foundation, self._args.plan
        server = foundation.database_server
        rules = allow(
            "database-to-postgres",
            source=task.security_group.id,
            owner=server.security_group_id,
            port=server.port,
            opts=self._child,
        )
        args = resources.DatabaseArgs(
            region=cloud_of(plan).region,
            cluster=foundation.cluster.arn,
            task_definition=task.definition.arn,
            container="database",
            subnets=foundation.network.private_subnet_ids,
            security_groups=[task.security_group.id],
            log_group=task.log_group,
            log_prefix="database",
            timeout=_SECONDS,
            name=self._database,
            retain=cloud_of(plan).base is None,
        )
        # Its logical name is the state's key: a rename drops a preview's database.
        opts = ResourceOptions(parent=self, depends_on=[*task.rules, *rules], protect=plan.environment.protect)
        return resources.Database("database", args, opts)


def _database(plan: Plan) -> str:
    """In a server of one's own the name that every target has; in the base's, one that begins with the product's, so
    that no stack can have the name of the server's own databases."""
    cloud = cloud_of(plan)
    return wiring.DATABASE if cloud.base is None else own_name(f"{cloud.product}-{plan.stack}", between="_")
