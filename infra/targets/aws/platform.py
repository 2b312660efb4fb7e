"""The component that an environment on AWS is."""

from collections.abc import Sequence

import pulumi
from pulumi import Input, Output, Resource, ResourceOptions

from infra import wiring
from infra.edge.cron_worker import CronWorker, CronWorkerArgs
from infra.edge.domains import Domains, DomainsArgs, address
from infra.edge.names import own_names
from infra.edge.rules import ZoneRules, ZoneRulesArgs
from infra.edge.zone import Zone
from infra.model import ProcessName
from infra.targets.aws import authority, foundation, resources
from infra.targets.aws.base import OwnedParts, check_clouds, origin_tokens_of
from infra.targets.aws.database import Database, DatabaseArgs
from infra.targets.aws.foundation import Foundation
from infra.targets.aws.image import Image, ImageArgs
from infra.targets.aws.migration import MigrationTask, MigrationTaskArgs
from infra.targets.aws.operations import Operations, OperationsArgs
from infra.targets.aws.process import Process, ProcessArgs
from infra.targets.aws.providers import Providers, create_providers
from infra.targets.aws.redis import Redis, RedisArgs
from infra.targets.aws.releases import create_release
from infra.targets.aws.renewal import APP_KEY, RenewalTask
from infra.targets.aws.secrets import Secrets, SecretsArgs
from infra.targets.aws.storage import Storage, StorageArgs
from infra.targets.aws.task import TaskRuntime, TaskRuntimeArgs
from infra.targets.base import Landed, Plan, cloud_of

_VERIFICATION_SECONDS = 300
"""The services are steady by then; a new name takes a while to be known, and a new certificate at Cloudflare too."""


def land(plan: Plan) -> Landed:
    """Declare an environment; give its outputs."""
    providers = create_providers(plan)
    return AwsEnvironment(plan, check_clouds(plan, providers), providers).landed


class AwsEnvironment(pulumi.ComponentResource):
    """One environment on AWS, with parts of its own or on a base."""

    landed: Landed

    def __init__(self, plan: Plan, zone: Zone, providers: Providers) -> None:
        super().__init__("pitchbar:aws:Environment", plan.stack, None, ResourceOptions(providers=[providers.main]))
        self._plan, self._zone, self._clouds = plan, zone, providers
        self._child = ResourceOptions(parent=self)
        self._foundation, log_bucket, self._topic_arn = self._find_foundation()
        self._secrets = Secrets("secrets", SecretsArgs(plan, self._foundation.keys, providers.second), self._child)
        self._tokens = self._find_origin_tokens()
        self._storage = Storage("storage", StorageArgs(plan, self._foundation.keys, log_bucket), self._child)
        self._redis = Redis("redis", RedisArgs(plan, self._foundation, self._secrets), self._child)
        database = Database("database", DatabaseArgs(plan, self._foundation, self._secrets), self._child)
        image = Image("image", ImageArgs(plan=plan, registry=self._foundation.registry), self._child)
        runtime = self._create_runtime(database, image)
        release = create_release(plan, cloud_of(plan), image.reference, self._child)
        migration = self._create_migration(runtime, [database.ready, release])
        processes = self._create_processes(runtime, [migration, *self._create_renewal(runtime, [migration])])
        self._create_operations(processes)
        domains, ways_in = self._create_domains(processes)
        verification = self._create_verification(processes, domains, ways_in)
        self._create_cron_worker(domains, verification)
        self.landed = self._landed(domains, migration, verification)
        self.register_outputs({"app_url": self.landed.app_url, "realtime_url": self.landed.realtime_url})

    def _find_foundation(self) -> tuple[Foundation, Output[str] | None, Output[str] | None]:
        """The parts, the bucket of access logs and the topic of alarms; a base stack's others have neither."""
        base = cloud_of(self._plan).base
        if base is not None:
            return foundation.taken(base), None, None
        owned = OwnedParts("owned", self._plan, own_names(self._plan.hosts), self._clouds, self._child).owned
        return owned.foundation, owned.log_bucket, owned.topic_arn

    def _find_origin_tokens(self) -> Sequence[Input[str]]:
        base, token = cloud_of(self._plan).base, self._secrets.origin_token
        if base is not None or token is None:
            return origin_tokens_of(base or "")
        rotating = self._plan.rotations.get("origin-token")
        return [token.current, token.previous] if rotating and not rotating.retired else [token.current]

    def _create_runtime(self, database: Database, image: Image) -> TaskRuntime:
        plan, cloud, server = self._plan, cloud_of(self._plan), self._foundation.database_server
        keys = self._secrets.keys()
        port = _text(server.port)
        reached = wiring.Database(
            *(server.address, port, database.name, database.username, ""),
            sslmode="verify-full",
            authority=authority.certificate(cloud.region),
            authority_file=authority.FILE,
        )
        variables = {
            **wiring.database_variables(reached),
            **wiring.cache_variables(
                wiring.Cache(self._redis.host, str(self._redis.port), "", "tls" if self._redis.tls else "tcp")
            ),
            **wiring.key_variables(keys),
            **wiring.address_variables(address(plan.hosts)),
            **wiring.proxy_variables(self._proxies()),
            **wiring.storage_variables(self._storage.bucket, cloud.region),
            **wiring.telemetry_variables(plan.environment.telemetry, cloud.product),
        }
        args = TaskRuntimeArgs(
            plan=plan,
            foundation=self._foundation,
            image=image.reference,
            variables=variables,
            secrets=self._secrets.references,
            readable=self._secrets.readable,
            key_arns=self._secrets.key_arns,
        )
        return TaskRuntime("runtime", args, self._child)

    def _proxies(self) -> Output[str]:
        """The load balancer's network, and Cloudflare's."""
        between = [self._foundation.network.cidr, self._foundation.load_balancer.proxy_cidrs]
        return Output.all(*between).apply(lambda found: ",".join([found[0], *found[1]]))

    def _create_migration(self, runtime: TaskRuntime, after: Sequence[Resource]) -> MigrationTask:
        args = MigrationTaskArgs(plan=self._plan, foundation=self._foundation, runtime=runtime, after=after)
        return MigrationTask("migration", args, self._child)

    def _create_renewal(self, runtime: TaskRuntime, after: Sequence[Resource]) -> list[Resource]:
        """Only where the app-key was rotated."""
        if APP_KEY not in self._plan.rotations:
            return []
        args = MigrationTaskArgs(plan=self._plan, foundation=self._foundation, runtime=runtime, after=after)
        return [RenewalTask("renewal", args, self._secrets.for_renewal, self._child)]

    def _create_processes(self, runtime: TaskRuntime, after: Sequence[Resource]) -> dict[ProcessName, Process]:
        hosts = self._plan.hosts
        names: dict[ProcessName, list[str]] = {
            "app": list(dict.fromkeys((hosts.app, hosts.cdn or hosts.app))),
            "realtime": [hosts.realtime],
        }
        return {
            process.name: Process(
                process.name,
                ProcessArgs(
                    plan=self._plan,
                    process=process,
                    foundation=self._foundation,
                    runtime=runtime,
                    redis_security_group_id=self._redis.security_group_id,
                    redis_port=self._redis.port,
                    bucket_arn=self._storage.arn,
                    hosts=names.get(process.name, []),
                    origin_tokens=self._tokens,
                    after=after,
                    topic_arn=self._topic_arn,
                ),
                self._child,
            )
            for process in self._plan.environment.processes
        }

    def _create_operations(self, processes: dict[ProcessName, Process]) -> None:
        args = OperationsArgs(
            plan=self._plan,
            foundation=self._foundation,
            secrets=self._secrets,
            redis=self._redis,
            processes=processes,
            topic_arn=self._topic_arn,
        )
        Operations("operations", args, self._child)

    def _create_domains(self, processes: dict[ProcessName, Process]) -> tuple[Domains, Sequence[Resource]]:
        """Names, and for a zone of one's own its rules: they send a rotated token once the load balancer takes it."""
        token, rules = self._secrets.origin_token, []
        if token is not None:
            names, after = own_names(self._plan.hosts), [processes["app"], processes["realtime"]]
            args = ZoneRulesArgs(self._plan, self._zone, names, token.current, after)
            rules.append(ZoneRules("zone", args, self._child))
        balancer = self._foundation.load_balancer
        return Domains("domains", DomainsArgs(self._plan, balancer.dns_name), self._child), rules

    def _create_verification(
        self, processes: dict[ProcessName, Process], domains: Domains, ways_in: Sequence[Resource]
    ) -> resources.Verification:
        plan, cloud, keys = self._plan, cloud_of(self._plan), self._secrets.keys()
        running = [Output.all(made.service_arn, made.task_definition_arn) for made in processes.values()]
        args = resources.VerificationArgs(
            region=cloud.region,
            release=plan.release,
            cluster=self._foundation.cluster.arn,
            services=Output.all(*running).apply(dict),
            app_url=domains.app_url,
            realtime_url=domains.realtime_url,
            realtime_key=keys.realtime_key,
            queue_token=keys.queue_token,
            canary_queue=wiring.canary_queue(plan.release) if plan.environment.runtime == "bundled" else "",
            timeout=_VERIFICATION_SECONDS,
        )
        opts = ResourceOptions(parent=self, depends_on=[*processes.values(), *ways_in])
        return resources.Verification("verification", args, opts)

    def _create_cron_worker(self, domains: Domains, verification: resources.Verification) -> None:
        token = self._secrets.keys().queue_token
        # A rotated token is sent only when the tasks that take it serve.
        after = ResourceOptions(parent=self, depends_on=[verification])
        worker = CronWorker("cron", CronWorkerArgs(self._plan, domains.app_url, token), after)
        args = resources.FirstTickArgs(
            app_url=domains.app_url,
            queue_token=token,
            script_digest=worker.script_digest,
            release=self._plan.release,
        )
        resources.FirstTick("first-tick", args, after)

    def _landed(self, domains: Domains, migration: MigrationTask, verification: resources.Verification) -> Landed:
        keys = self._secrets.keys()
        return Landed(
            app_url=domains.app_url,
            widget_url=domains.widget_url,
            realtime_url=domains.realtime_url,
            realtime_key=keys.realtime_key,
            admin_password=keys.admin_password,
            internal_queue_token=keys.queue_token,
            app_key=keys.app_key,
            app_key_previous=self._secrets.app_key_previous,
            ca_certificate="",
            release=verification.verified,
            schema_revision=migration.revision,
        )


def _text(port: Input[int]) -> Output[str]:
    return Output.from_input(port).apply(lambda number: str(int(number)))
