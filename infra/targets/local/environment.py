"""The component that an environment of the local target is."""

import pulumi
from pulumi import ResourceOptions

from infra.release.runtime import to_json
from infra.targets.base import Landed, Plan
from infra.targets.local.backups import create_backups
from infra.targets.local.cron import create_cron_runtime, create_cron_worker
from infra.targets.local.domains import Domains
from infra.targets.local.postgres import create_postgres
from infra.targets.local.process import Processes
from infra.targets.local.redis import create_redis
from infra.targets.local.resources import Postgres, Release, ReleaseArgs, Route, Supervisor, SupervisorArgs
from infra.targets.local.secrets import Secrets
from infra.wiring import Address, Cache, Database


class LocalEnvironment(pulumi.ComponentResource):
    """One environment on this machine; its parts start as early as what they need is there."""

    landed: Landed

    def __init__(self, name: str, plan: Plan, opts: ResourceOptions | None = None) -> None:
        super().__init__("pitchbar:local:Environment", name, None, opts)
        child = ResourceOptions(parent=self)
        directory = str(plan.directory)
        secrets = Secrets(plan, child)
        supervisor = Supervisor("supervisor", SupervisorArgs(directory), child)
        inside = ResourceOptions(parent=self, depends_on=[supervisor])
        release = Release("release", ReleaseArgs(directory, plan.release, to_json(plan.runtime), plan.source), inside)
        postgres = create_postgres(plan, secrets.database_password.value, inside)
        create_backups(plan, postgres, inside)
        redis = create_redis(plan, secrets.redis_password.value, inside)
        domains = Domains(plan, inside)
        cron = create_cron_runtime(plan, release, inside)
        processes = Processes(
            plan,
            release,
            _database(postgres, secrets),
            Cache("127.0.0.1", redis.bound_port, secrets.redis_password.value),
            secrets,
            domains.address,
            inside,
        )
        route = domains.route(processes)
        create_cron_worker(plan, domains, secrets.queue_token.value, (cron, route), child)
        self.landed = _landed(domains.address, secrets, plan, domains, processes, route)
        self.register_outputs({"app_url": self.landed.app_url, "realtime_url": self.landed.realtime_url})


def _database(postgres: Postgres, secrets: Secrets) -> Database:
    port, password = postgres.bound_port, secrets.database_password.value
    return Database("127.0.0.1", port, postgres.database, postgres.username, password, cluster=postgres.cluster)


def _landed(
    address: Address, secrets: Secrets, plan: Plan, domains: Domains, processes: Processes, route: Route
) -> Landed:
    scheme, keys = "wss" if plan.tls else "ws", secrets.keys()
    return Landed(
        app_url=address.app_url,
        widget_url=address.widget_url,
        realtime_url=pulumi.Output.concat(scheme, "://", address.realtime_host, ":", address.port),
        realtime_key=keys.realtime_key,
        admin_password=keys.admin_password,
        internal_queue_token=keys.queue_token,
        app_key=secrets.app_key.value,
        app_key_previous=secrets.app_key.previous,
        ca_certificate=domains.gateway.ca_certificate,
        release=route.release,
        schema_revision=processes.migration.revision,
    )
