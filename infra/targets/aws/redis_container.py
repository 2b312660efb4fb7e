"""Redis 7 in a container, for an environment that stands on a base."""

from dataclasses import dataclass

import pulumi_aws as aws
from pulumi import Output, ResourceOptions

from infra.cloud_names import own_name
from infra.targets.aws.foundation import Foundation
from infra.targets.aws.health import Question
from infra.targets.aws.public_task import PublicTask, PublicTaskArgs, create_public_task
from infra.targets.aws.redis_size import task_size
from infra.targets.aws.secrets import Secrets
from infra.targets.base import Plan

PORT = 6379

SCRIPT = """
exec redis-server - <<END
port {port}
maxmemory {memory}mb
maxmemory-policy noeviction
appendonly no
save ""
requirepass "$REDIS_PASSWORD"
END
"""
"""For `sh`. The configuration comes through a pipe, so the password is in no argument; nothing is written to disk."""

_ALIVE = 'REDISCLI_AUTH="$REDIS_PASSWORD" redis-cli ping | grep -q PONG'


@dataclass(frozen=True)
class RedisContainer:
    """``host``: its private name, known once it runs."""

    host: Output[str]
    security_group_id: Output[str]


def create_redis_container(
    plan: Plan, foundation: Foundation, secrets: Secrets, opts: ResourceOptions
) -> RedisContainer:
    """One task with the environment's password, by a service that replaces it when it ends."""
    task = create_public_task(
        PublicTaskArgs(
            plan=plan,
            foundation=foundation,
            name="redis",
            purpose="Redis of the environment",
            image=foundation.registry.redis_image,
            script=SCRIPT.format(port=PORT, memory=plan.environment.redis.memory),
            environment={},
            secrets={"REDIS_PASSWORD": secrets.references["REDIS_PASSWORD"]},
            readable=[secrets.environment_arn],
            size=task_size(plan.environment),
            port=PORT,
            health=Question(line=_ALIVE, interval=5, timeout=3),
        ),
        opts,
    )
    name = _create_name(plan, foundation, opts)
    service = _create_service(foundation, task, name, opts)
    host = Output.all(name.name, foundation.cluster.namespace_name, service.id).apply(lambda known: ".".join(known[:2]))
    return RedisContainer(host, task.security_group.id)


def _create_name(plan: Plan, foundation: Foundation, opts: ResourceOptions) -> aws.servicediscovery.Service:
    return aws.servicediscovery.Service(
        "redis",
        name=own_name(f"redis-{plan.stack}"),
        description=f"Redis of {plan.stack}",
        dns_config=aws.servicediscovery.ServiceDnsConfigArgs(
            namespace_id=foundation.cluster.namespace_id,
            routing_policy="MULTIVALUE",
            dns_records=[aws.servicediscovery.ServiceDnsConfigDnsRecordArgs(type="A", ttl=10)],
        ),
        force_destroy=True,
        opts=opts,
    )


def _create_service(
    foundation: Foundation, task: PublicTask, name: aws.servicediscovery.Service, opts: ResourceOptions
) -> aws.ecs.Service:
    """On demand, and a new task starts only after the old one has stopped: two would hold different jobs."""
    return aws.ecs.Service(
        "redis",
        cluster=foundation.cluster.arn,
        task_definition=task.definition.arn,
        desired_count=1,
        launch_type="FARGATE",
        platform_version="LATEST",
        deployment_minimum_healthy_percent=0,
        deployment_maximum_percent=100,
        deployment_circuit_breaker=aws.ecs.ServiceDeploymentCircuitBreakerArgs(enable=True, rollback=True),
        network_configuration=aws.ecs.ServiceNetworkConfigurationArgs(
            subnets=foundation.network.private_subnet_ids,
            security_groups=[task.security_group.id],
            assign_public_ip=False,
        ),
        service_registries=aws.ecs.ServiceServiceRegistriesArgs(registry_arn=name.arn),
        propagate_tags="SERVICE",
        enable_ecs_managed_tags=True,
        wait_for_steady_state=True,
        opts=ResourceOptions.merge(opts, ResourceOptions(depends_on=[*task.rules])),
    )
