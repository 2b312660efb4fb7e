"""The parts that stand longer than a release: an environment's own, or those of the base that the stacks of pull
requests share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import Input, InvokeOptions, Output, ResourceOptions

from infra.edge.names import base_names
from infra.edge.rules import ZoneRules, ZoneRulesArgs
from infra.edge.zone import Zone, check_zone
from infra.resources import Secret, SecretArgs
from infra.targets.aws import foundation
from infra.targets.aws.account import check_account
from infra.targets.aws.alarm_topic import AlarmTopic, AlarmTopicArgs
from infra.targets.aws.backups import Backups, BackupsArgs
from infra.targets.aws.cluster import Cluster, ClusterArgs
from infra.targets.aws.foundation import Foundation
from infra.targets.aws.keys import Keys, KeysArgs
from infra.targets.aws.load_balancer import LoadBalancer, LoadBalancerArgs
from infra.targets.aws.network import Network, NetworkArgs
from infra.targets.aws.postgres import DatabaseServer, DatabaseServerArgs
from infra.targets.aws.providers import Providers, create_providers
from infra.targets.aws.registry import Registry, RegistryArgs
from infra.targets.aws.storage import LogBucket, LogBucketArgs
from infra.targets.base import Plan, cloud_of

ORIGIN_TOKEN = "origin_token"
"""The output of a base by which its stacks know what Cloudflare adds to requests."""


@dataclass(frozen=True)
class Owned:
    """What a stack that owns its parts has besides their facts."""

    foundation: Foundation
    log_bucket: Output[str]
    topic_arn: Output[str] | None
    """Of alarms, where the environment has them."""


class OwnedParts(pulumi.ComponentResource):
    """Network, keys, registry, cluster, load balancer and database server, with its backups."""

    owned: Owned

    def __init__(
        self, name: str, plan: Plan, names: Sequence[str], providers: Providers, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("pitchbar:aws:OwnedParts", name, None, opts)
        child = ResourceOptions(parent=self)
        keys = Keys("keys", KeysArgs(plan), child).facts
        network = Network("network", NetworkArgs(plan, keys.logs_key_arn), child).facts
        logs = LogBucket("logs", LogBucketArgs(plan), child)
        balancer = LoadBalancer("load-balancer", LoadBalancerArgs(plan, network, logs.bucket, names), child)
        registry = Registry("registry", RegistryArgs(plan=plan, keys=keys), child)
        cluster = Cluster("cluster", ClusterArgs(plan=plan, network=network, keys=keys), child)
        alarms = plan.environment.telemetry.alarms
        topic = AlarmTopic("alarms", AlarmTopicArgs(plan=plan, keys=keys), child).arn if alarms else None
        server = DatabaseServer("postgres", DatabaseServerArgs(plan, network, keys, topic), child)
        if plan.environment.backups.daily:
            Backups("backups", BackupsArgs(plan, keys, server.subnet_group_name, providers.second), child)
        parts = Foundation(
            network=network,
            keys=keys,
            registry=registry.facts,
            cluster=cluster.facts,
            load_balancer=balancer.facts,
            database_server=server.facts,
        )
        self.owned = Owned(parts, logs.bucket, topic)
        self.register_outputs({"vpc_id": network.vpc_id, "database": server.facts.address})


def check_clouds(plan: Plan, providers: Providers) -> Zone:
    """Ask both clouds whether they let this stack in, before anything is made; give the zone.

    Raises :class:`infra.errors.UserError`, naming the key of the stack's configuration to set.
    """
    cloud = cloud_of(plan)
    check_account(cloud, InvokeOptions(provider=providers.main))
    return check_zone(cloud)


class Base(pulumi.ComponentResource):
    """A base stack: the owned parts, and the rules of its zone for all names of its stacks."""

    foundation: Foundation
    origin_token: Output[str]

    def __init__(self, plan: Plan, zone: Zone, providers: Providers) -> None:
        super().__init__("pitchbar:aws:Base", plan.stack, None, ResourceOptions(providers=[providers.main]))
        child = ResourceOptions(parent=self)
        names = base_names(cloud_of(plan).domain)
        self.foundation = OwnedParts("owned", plan, names, providers, child).owned.foundation
        token = Secret("origin-token", SecretArgs("token"), child)
        ZoneRules("zone", ZoneRulesArgs(plan, zone, names, token.value), child)
        self.origin_token = token.value
        self.register_outputs({})


def land_base(plan: Plan) -> Mapping[str, Any]:
    """Declare a base stack; give its outputs."""
    providers = create_providers(plan)
    made = Base(plan, check_clouds(plan, providers), providers)
    return {foundation.OUTPUT: foundation.exported(made.foundation), ORIGIN_TOKEN: made.origin_token}


def origin_tokens_of(base: str) -> list[Input[str]]:
    """What requests carry that came through the base's zone."""
    return [pulumi.StackReference(base).require_output(ORIGIN_TOKEN)]
