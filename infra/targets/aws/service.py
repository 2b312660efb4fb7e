"""An ECS service, and how a release of it follows another.

The app goes by blue/green: the new release's tasks beside the old ones, then all visitors at once, and back at once
while the old ones are still there (``bake_minutes`` of the settings; 0: rolling). Worker and realtime server roll: a
new task for each old one, and the circuit breaker takes back a release whose tasks don't get healthy. Either way the
update waits for the end. (ECS calls a roll-out that it took back a success; the verification that follows doesn't.)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi_aws as aws
from pulumi import CustomTimeouts, Input, Resource, ResourceOptions

from infra import model
from infra.targets.aws import foundation
from infra.targets.aws.cluster import ON_DEMAND, SPOT
from infra.targets.aws.roles import GrantedRole, allowing, create_role
from infra.targets.aws.routing import Route
from infra.targets.aws.settings import settings
from infra.targets.base import Plan

_TENTHS = 10
_STARTING_MINUTES = 10
"""What a roll-out may take besides bake: fetching the image, starting, becoming healthy, draining."""


@dataclass(frozen=True, kw_only=True)
class ServiceArgs:
    """``route``: the way to a process that listens. ``alarm_names``: the alarms that take a
    release back. ``after``: what must be done before a task starts."""

    plan: Plan
    process: model.Process
    foundation: foundation.Foundation
    task_definition_arn: Input[str]
    security_group_id: Input[str]
    route: Route | None
    alarm_names: Sequence[Input[str]]
    after: Sequence[Resource]


def is_switched(plan: Plan, process: model.Process) -> bool:
    """Whether the releases of this process follow by blue/green."""
    return process.name == "app" and settings(plan.environment.name).bake_minutes > 0


def create_service(args: ServiceArgs, opts: ResourceOptions) -> aws.ecs.Service:
    """The service of a process (ECS.2, ECS.10)."""
    own = settings(args.plan.environment.name)
    switched = is_switched(args.plan, args.process)
    minutes = f"{_STARTING_MINUTES + own.bake_minutes}m"
    return aws.ecs.Service(
        args.process.name,
        cluster=args.foundation.cluster.arn,
        task_definition=args.task_definition_arn,
        desired_count=args.process.scaling.min,
        capacity_provider_strategies=capacity(own.spot_weight),
        platform_version="LATEST",
        network_configuration={
            "subnets": args.foundation.network.private_subnet_ids,
            "security_groups": [args.security_group_id],
            "assign_public_ip": False,
        },
        load_balancers=_load_balancers(args, opts),
        health_check_grace_period_seconds=args.process.health.deadline if args.route else None,
        deployment_minimum_healthy_percent=100,
        deployment_maximum_percent=200,
        deployment_configuration=_strategy(switched, own.bake_minutes),
        deployment_circuit_breaker=None if switched else {"enable": True, "rollback": True},
        alarms=_alarms(args.alarm_names),
        enable_execute_command=True,
        enable_ecs_managed_tags=True,
        propagate_tags="SERVICE",
        force_delete=own.force_destroy,
        wait_for_steady_state=True,
        opts=ResourceOptions(
            parent=opts.parent,
            depends_on=[*args.after, *([args.route] if args.route else [])],
            ignore_changes=_left_to_aws(args.process.scaling, switched),
            custom_timeouts=CustomTimeouts(create=minutes, update=minutes, delete=minutes),
        ),
    )


def capacity(spot: int) -> list[aws.ecs.ServiceCapacityProviderStrategyArgsDict]:
    """``spot``: of ten tasks, how many may run on Spot. The first task is always on demand, unless all may."""
    if spot == 0:
        return [{"capacity_provider": ON_DEMAND, "weight": 1}]
    if spot == _TENTHS:
        return [{"capacity_provider": SPOT, "weight": 1}]
    return [
        {"capacity_provider": ON_DEMAND, "base": 1, "weight": _TENTHS - spot},
        {"capacity_provider": SPOT, "weight": spot},
    ]


def _strategy(switched: bool, bake_minutes: int) -> aws.ecs.ServiceDeploymentConfigurationArgsDict:
    if not switched:
        return {"strategy": "ROLLING"}
    return {"strategy": "BLUE_GREEN", "bake_time_in_minutes": str(bake_minutes)}


def _alarms(names: Sequence[Input[str]]) -> aws.ecs.ServiceAlarmsArgsDict | None:
    return {"enable": True, "rollback": True, "alarm_names": list(names)} if names else None


def _left_to_aws(scaling: model.Scaling, switched: bool) -> list[str]:
    """The number of tasks is scaling's. Which target group is the spare one is ECS': it exchanges the two at each
    roll-out."""
    count = ["desiredCount"] if scaling.max > scaling.min else []
    spare = ["loadBalancers[0].targetGroupArn", "loadBalancers[0].advancedConfiguration.alternateTargetGroupArn"]
    return count + (spare if switched else [])


def _load_balancers(args: ServiceArgs, opts: ResourceOptions) -> list[aws.ecs.ServiceLoadBalancerArgsDict]:
    process, route = args.process, args.route
    if route is None or not isinstance(process, model.Served):
        return []
    target: aws.ecs.ServiceLoadBalancerArgsDict = {
        "target_group_arn": route.target_groups[0].arn,
        "container_name": process.name,
        "container_port": process.port,
    }
    if route.test_rule is not None:
        target["advanced_configuration"] = {
            "alternate_target_group_arn": route.target_groups[1].arn,
            "production_listener_rule": route.rule.arn,
            "test_listener_rule": route.test_rule.arn,
            "role_arn": _create_switching_role(args.plan, route, route.test_rule, opts).arn,
        }
    return [target]


def _create_switching_role(
    plan: Plan, route: Route, test_rule: aws.lb.ListenerRule, opts: ResourceOptions
) -> GrantedRole:
    """How ECS switches visitors: these two rules and these two target groups, where AWS' own policy for it
    (AmazonECSInfrastructureRolePolicyForLoadBalancers) has all of the account."""
    looked_at = ("Listeners", "Rules", "TargetGroups", "TargetHealth")
    groups = [group.arn for group in route.target_groups]
    return create_role(
        plan,
        "switching",
        service="ecs.amazonaws.com",
        description="How ECS switches visitors from one release of the app to the next",
        statements=[
            allowing([f"elasticloadbalancing:Describe{what}" for what in looked_at], ["*"]),
            allowing(["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"], groups),
            allowing(["elasticloadbalancing:ModifyRule"], [route.rule.arn, test_rule.arn]),
        ],
        opts=opts,
    )
