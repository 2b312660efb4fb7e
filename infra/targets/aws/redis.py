"""Redis 7: ElastiCache, or a container where an environment stands on a base."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra.cloud_names import own_name
from infra.stack_config import Rotation
from infra.targets.aws.foundation import Foundation
from infra.targets.aws.log_groups import create_log_group
from infra.targets.aws.redis_container import PORT, create_redis_container
from infra.targets.aws.redis_size import node_note, node_type
from infra.targets.aws.secrets import Secrets
from infra.targets.aws.settings import Settings, settings
from infra.targets.base import Plan, cloud_of

_ENGINE_VERSION = "7.1"
"""The last of Redis OSS on ElastiCache."""

_SNAPSHOT_DAYS = 7
_SNAPSHOT_WINDOW = "06:00-07:00"
_MAINTENANCE_WINDOW = "sun:08:00-sun:09:00"


@dataclass(frozen=True)
class RedisArgs:
    """``secrets``: they have the password."""

    plan: Plan
    foundation: Foundation
    secrets: Secrets


class Redis(pulumi.ComponentResource):
    """Sessions, queues and caches. An environment of its own has ElastiCache (ElastiCache.1–.3, .4–.7; CKV_AWS_29, 30,
    31, 191): with a replica that takes over in another zone where the model says so, and a snapshot every day. That is
    not durable: replication is asynchronous, so a failover may lose the last writes, and what all nodes lose is as old
    as the last snapshot (docs/backups.md).

    On a base stack it is a container with the same password and policy, whose data goes with it; inside the network,
    without TLS.
    """

    host: Output[str]
    port: int
    tls: bool
    security_group_id: Output[str]
    replication_group_id: Output[str] | None
    """ElastiCache's, for alarms."""

    def __init__(self, name: str, args: RedisArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("pitchbar:aws:Redis", name, None, opts)
        self._args, self._plan = args, args.plan
        self._settings: Settings = settings(args.plan.environment.name)
        self._child = ResourceOptions(parent=self)
        self.port = PORT
        self.tls = cloud_of(args.plan).base is None
        if self.tls:
            self._create_elasticache()
        else:
            made = create_redis_container(args.plan, args.foundation, args.secrets, self._child)
            self.host, self.security_group_id, self.replication_group_id = made.host, made.security_group_id, None
        self.register_outputs({"host": self.host, "port": self.port, "tls": self.tls})

    def _create_elasticache(self) -> None:
        redis = self._plan.environment.redis
        note = node_note(self._plan.environment)
        if note:
            pulumi.log.info(note, self)
        group = aws.ec2.SecurityGroup(
            "redis",
            description="Redis: nothing out, and in what asked for it",
            vpc_id=self._args.foundation.network.vpc_id,
            opts=self._child,
        )
        subnets = aws.elasticache.SubnetGroup(
            "redis",
            description=f"Redis of {self._plan.stack}",
            subnet_ids=self._args.foundation.network.data_subnet_ids,
            opts=self._child,
        )
        # Its logical name is the state's key: a rename deletes what Redis holds.
        made = aws.elasticache.ReplicationGroup(
            "redis",
            description=f"Sessions, queues and caches of {self._plan.stack}",
            engine="redis",
            engine_version=_ENGINE_VERSION,
            node_type=node_type(self._plan.environment),
            num_cache_clusters=2 if redis.failover else 1,
            automatic_failover_enabled=redis.failover,
            multi_az_enabled=redis.failover,
            port=PORT,
            subnet_group_name=subnets.name,
            security_group_ids=[group.id],
            parameter_group_name=self._create_parameters().name,
            transit_encryption_enabled=True,
            transit_encryption_mode="required",
            at_rest_encryption_enabled=True,
            kms_key_id=self._args.foundation.keys.data_key_arn,
            auth_token=self._args.secrets.redis_password,
            auth_token_update_strategy=self._strategy(),
            auto_minor_version_upgrade=True,
            apply_immediately=not self._plan.environment.protect,
            maintenance_window=_MAINTENANCE_WINDOW,
            snapshot_window=_SNAPSHOT_WINDOW,
            snapshot_retention_limit=_SNAPSHOT_DAYS if redis.persistent else 0,
            final_snapshot_identifier=self._final_snapshot(subnets.name),
            log_delivery_configurations=self._create_logs(),
            opts=ResourceOptions(parent=self, protect=self._plan.environment.protect),
        )
        self.host, self.security_group_id = made.primary_endpoint_address, group.id
        self.replication_group_id = made.replication_group_id.apply(str)

    def _create_parameters(self) -> aws.elasticache.ParameterGroup:
        """A full Redis refuses writes rather than dropping jobs."""
        return aws.elasticache.ParameterGroup(
            "redis",
            family="redis7",
            description="Nothing is evicted",
            parameters=[aws.elasticache.ParameterGroupParameterArgs(name="maxmemory-policy", value="noeviction")],
            opts=self._child,
        )

    def _strategy(self) -> str:
        """After a rotation both passwords are good, until the update that retires the one before."""
        return "SET" if self._plan.rotations.get("redis-password", Rotation()).retired else "ROTATE"

    def _final_snapshot(self, subnets: Input[str]) -> Output[str] | None:
        """Another name in each life of the stack: a snapshot of the one before may still be there."""
        if not self._settings.final_snapshot:
            return None
        name = own_name(f"{cloud_of(self._plan).product}-{self._plan.stack}-redis", limit=40)
        return Output.from_input(subnets).apply(lambda physical: f"{name}-final-{physical.rpartition('-')[2]}")

    def _create_logs(self) -> list[aws.elasticache.ReplicationGroupLogDeliveryConfigurationArgs]:
        if not self._settings.log_exports:
            return []
        return [
            aws.elasticache.ReplicationGroupLogDeliveryConfigurationArgs(
                log_type=log,
                log_format="json",
                destination_type="cloudwatch-logs",
                destination=create_log_group(
                    self._plan, f"redis-{log}", self._args.foundation.keys.logs_key_arn, self._child
                ).name,
            )
            for log in ("engine-log", "slow-log")
        ]
