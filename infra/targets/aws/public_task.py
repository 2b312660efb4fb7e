"""Tasks of a public image, of which the registry has a copy: psql for a database of one's own, a preview's Redis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra.targets.aws.access import Rule, reach_services, task_security_group
from infra.targets.aws.containers import Container, definition
from infra.targets.aws.foundation import Foundation
from infra.targets.aws.health import Question
from infra.targets.aws.log_groups import create_log_group
from infra.targets.aws.roles import allowing, create_role
from infra.targets.aws.sizes import Size
from infra.targets.aws.task import TASKS, repository_arn
from infra.targets.base import Plan, cloud_of

_PULL = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
)


@dataclass(frozen=True, kw_only=True)
class PublicTaskArgs:
    """``image``: the registry's copy, by its digest. ``script``: for `sh`, which every such image has.
    ``secrets``: environment variable → what ECS reads it from; ``readable``: the ARNs of those secrets, all encrypted
    with the data key."""

    plan: Plan
    foundation: Foundation
    name: str
    purpose: str
    image: Input[str]
    script: str
    environment: Mapping[str, Input[str]]
    secrets: Mapping[str, Input[str]]
    readable: Sequence[Input[str]]
    size: Size
    port: int = 0
    health: Question | None = None


@dataclass(frozen=True)
class PublicTask:
    """What was made. ``rules``: its ways out, which must be there before it runs."""

    definition: aws.ecs.TaskDefinition
    security_group: aws.ec2.SecurityGroup
    log_group: Output[str]
    rules: Sequence[Rule]


def create_public_task(args: PublicTaskArgs, opts: ResourceOptions) -> PublicTask:
    """Its log, its role, its security group and its definition. It has no task role: the container may do nothing on
    AWS, and nobody opens a session in it."""
    name, network = args.name, args.foundation.network
    log = create_log_group(args.plan, name, args.foundation.keys.logs_key_arn, opts)
    group = task_security_group(name, vpc_id=network.vpc_id, description=args.purpose, opts=opts)
    container = Container(
        name=name,
        image=args.image,
        command=("sh", "-ceu", args.script),
        environment=args.environment,
        secrets=args.secrets,
        log_group=log.name,
        region=cloud_of(args.plan).region,
        port=args.port,
        health=args.health,
    )
    definition = _create_definition(args, container, log, opts)
    return PublicTask(definition, group, log.name, reach_services(name, source=group.id, network=network, opts=opts))


def _create_definition(
    args: PublicTaskArgs, container: Container, log: aws.cloudwatch.LogGroup, opts: ResourceOptions
) -> aws.ecs.TaskDefinition:
    rendered, cloud = definition(container), cloud_of(args.plan)
    # Sessions are closed and these images need no scratch space, so there is nothing that can be written to.
    rendered["mountPoints"] = []
    return aws.ecs.TaskDefinition(
        args.name,
        family=f"{cloud.product}-{args.plan.stack}-{args.name}",
        requires_compatibilities=["FARGATE"],
        network_mode="awsvpc",
        cpu=str(args.size.cpu),
        memory=str(args.size.memory),
        runtime_platform={"operating_system_family": "LINUX", "cpu_architecture": "X86_64"},
        execution_role_arn=_create_execution_role(args, log, opts),
        container_definitions=Output.json_dumps([rendered], sort_keys=True),
        opts=opts,
    )


def _create_execution_role(args: PublicTaskArgs, log: aws.cloudwatch.LogGroup, opts: ResourceOptions) -> Output[str]:
    through = {"StringEquals": {"kms:ViaService": f"secretsmanager.{cloud_of(args.plan).region}.amazonaws.com"}}
    return create_role(
        args.plan,
        f"{args.name}-execution",
        service=TASKS,
        description=f"How ECS starts this task: {args.purpose}",
        statements=[
            allowing(["ecr:GetAuthorizationToken"], ["*"]),
            allowing(_PULL, [Output.from_input(args.image).apply(repository_arn)]),
            allowing(["logs:CreateLogStream", "logs:PutLogEvents"], [Output.concat(log.arn, ":*")]),
            allowing(["secretsmanager:GetSecretValue"], args.readable),
            allowing(["kms:Decrypt"], [args.foundation.keys.data_key_arn], Condition=through),
        ],
        opts=opts,
    ).arn
