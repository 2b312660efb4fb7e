"""The ECS cluster that tasks run in."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Output, ResourceOptions

from infra.targets.aws import foundation
from infra.targets.aws.log_groups import create_log_group
from infra.targets.aws.settings import settings
from infra.targets.base import Plan, cloud_of

ON_DEMAND, SPOT = "FARGATE", "FARGATE_SPOT"


@dataclass(frozen=True, kw_only=True)
class ClusterArgs:
    """``keys``: operators' sessions are encrypted and logged with the logs key."""

    plan: Plan
    network: foundation.Network
    keys: foundation.Keys


class Cluster(pulumi.ComponentResource):
    """Fargate, on demand and on Spot; the log of operators' sessions (ECS Exec); private names inside the network;
    Container Insights where the table says so (ECS.12, CKV_AWS_65, CKV_AWS_223, CKV_AWS_224)."""

    facts: foundation.Cluster

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("pitchbar:aws:Cluster", name, None, opts)
        self._plan = args.plan
        self._network = args.network
        self._key = args.keys.logs_key_arn
        self._insights = settings(args.plan.environment.name).container_insights
        self._opts = ResourceOptions(parent=self)
        sessions = self._create_session_log()
        cluster = self._create_cluster(sessions)
        providers = self._create_capacity_providers(cluster)
        self._create_insights_log(cluster)
        namespace = self._create_namespace()
        self.facts = foundation.Cluster(
            # Known once its tasks have somewhere to run, which can't be taken away while a service uses it.
            arn=Output.all(cluster.arn, providers.id).apply(lambda known: str(known[0])),
            name=cluster.name,
            namespace_id=namespace.id,
            namespace_name=namespace.name,
            exec_log_group_arn=sessions.arn,
        )
        self.register_outputs(dict(vars(self.facts)))

    def _create_session_log(self) -> aws.cloudwatch.LogGroup:
        """What operators typed and saw is kept for as long as other logs."""
        return create_log_group(self._plan, "sessions", self._key, self._opts)

    def _create_cluster(self, sessions: aws.cloudwatch.LogGroup) -> aws.ecs.Cluster:
        return aws.ecs.Cluster(
            "cluster",
            settings=[{"name": "containerInsights", "value": "enabled" if self._insights else "disabled"}],
            configuration={
                "execute_command_configuration": {
                    "kms_key_id": self._key,
                    "logging": "OVERRIDE",
                    "log_configuration": {
                        "cloud_watch_encryption_enabled": True,
                        "cloud_watch_log_group_name": sessions.name,
                    },
                }
            },
            opts=self._opts,
        )

    def _create_capacity_providers(self, cluster: aws.ecs.Cluster) -> aws.ecs.ClusterCapacityProviders:
        return aws.ecs.ClusterCapacityProviders(
            "capacity",
            cluster_name=cluster.name,
            capacity_providers=[ON_DEMAND, SPOT],
            default_capacity_provider_strategies=[{"capacity_provider": ON_DEMAND, "weight": 1}],
            opts=self._opts,
        )

    def _create_insights_log(self, cluster: aws.ecs.Cluster) -> None:
        """ECS would make it by itself, unencrypted and without an end."""
        if self._insights:
            physical = Output.concat("/aws/ecs/containerinsights/", cluster.name, "/performance")
            create_log_group(self._plan, "insights", self._key, self._opts, physical=physical)

    def _create_namespace(self) -> aws.servicediscovery.PrivateDnsNamespace:
        cloud = cloud_of(self._plan)
        return aws.servicediscovery.PrivateDnsNamespace(
            "names",
            name=f"{self._plan.stack}.{cloud.product}.internal".lower(),
            vpc=self._network.vpc_id,
            description=f"Private names of {cloud.product} {self._plan.stack}",
            opts=self._opts,
        )
