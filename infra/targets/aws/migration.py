"""The release's migrate command as a one-off task."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pulumi
from pulumi import Output, Resource, ResourceOptions

from infra.cloud_names import release_prefix, state_bucket
from infra.targets.aws import foundation, resources
from infra.targets.aws.access import allow, reach_services, task_security_group
from infra.targets.aws.containers import Container
from infra.targets.aws.sizes import size_of
from infra.targets.aws.task import TaskRuntime
from infra.targets.base import Plan, cloud_of

_NAME = "migration"


@dataclass(frozen=True, kw_only=True)
class MigrationTaskArgs:
    """``after``: what must be there before: the environment's own database, and the release's manifest."""

    plan: Plan
    foundation: foundation.Foundation
    runtime: TaskRuntime
    after: Sequence[Resource] = ()


class MigrationTask(pulumi.ComponentResource):
    """A task of the new image that reaches Postgres and nothing else, run before any service changes. ``migration``:
    wait for it; ``revision``: the schema's after it."""

    migration: resources.Migration
    revision: Output[str]

    def __init__(self, name: str, args: MigrationTaskArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("pitchbar:aws:MigrationTask", name, None, opts)
        self._args = args
        self._opts = ResourceOptions(parent=self)
        self.migration = self._create_migration()
        self.revision = self.migration.revision
        self.register_outputs({"revision": self.revision})

    def _create_migration(self) -> resources.Migration:
        args, plan = self._args, self._args.plan
        cloud, container = cloud_of(plan), args.runtime.container(_NAME, plan.runtime.migration)
        task, ways = create_release_task(_NAME, args, container, plan.runtime.migration_timeout, self._opts)
        return resources.Migration(
            _NAME,
            resources.MigrationArgs(
                **vars(task),
                release=plan.release,
                store=state_bucket(cloud.product, cloud.account, cloud.region),
                prefix=release_prefix(plan.stack),
            ),
            ResourceOptions(parent=self, depends_on=[*ways, *args.after]),
        )


def create_release_task(
    name: str, args: MigrationTaskArgs, container: Container, timeout: int, opts: ResourceOptions
) -> tuple[resources.TaskArgs, Sequence[Resource]]:
    """A one-off task of the release's image that reaches Postgres and nothing else; what it needs to have been made."""
    plan, network, server = args.plan, args.foundation.network, args.foundation.database_server
    group = task_security_group(name, vpc_id=network.vpc_id, description=f"The task of the {name}", opts=opts)
    ways = [
        *reach_services(name, source=group.id, network=network, opts=opts),
        *allow(f"{name}-to-postgres", source=group.id, owner=server.security_group_id, port=server.port, opts=opts),
    ]
    role = args.runtime.create_task_role(name, opts=opts)
    definition = args.runtime.create_task_definition(
        name, replace(container, stop_timeout=30), size_of(plan.environment.processes.worker), role, opts
    )
    task = resources.TaskArgs(
        region=cloud_of(plan).region,
        cluster=args.foundation.cluster.arn,
        task_definition=definition.arn,
        container=name,
        subnets=network.private_subnet_ids,
        security_groups=[group.id],
        log_group=args.runtime.log_group,
        log_prefix=name,
        timeout=timeout,
    )
    return task, ways
