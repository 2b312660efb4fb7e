"""How visitors reach a process: its target groups and the load balancer's rules."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, ResourceOptions

from infra.edge.origin import HEADER
from infra.model import Realtime, Served
from infra.targets.aws import foundation, routing_limits
from infra.targets.aws.access import allow

_DAY = 86400
# A WebSocket never ends by itself, and the realtime server asks its clients to come again when it is told to stop: to
# wait longer only delays that.
_REALTIME_DRAIN = 5
_APP_DRAIN = 20
_PORT = 80
"""Of target groups: a default that nothing uses, because ECS registers each task with its container's port. It can't be
changed, so the process' own would mean new target groups, and with blue/green the rules that ECS keeps would hold on to
the old ones."""


@dataclass(frozen=True, kw_only=True)
class RouteArgs:
    """``hosts``: the names that lead to the process. ``origin_tokens``: the values of
    :data:`infra.edge.origin.HEADER` that are let in. ``spare``: make a second target group, for blue/green."""

    process: Served
    hosts: Sequence[str]
    origin_tokens: Sequence[Input[str]]
    network: foundation.Network
    load_balancer: foundation.LoadBalancer
    security_group_id: Input[str]
    spare: bool


class Route(pulumi.ComponentResource):
    """Listener rules for the process' host names, and what they lead to.

    With a spare target group ECS switches between the two: it writes their weights into the rules, which the program
    therefore leaves alone after it has made them.
    """

    target_groups: list[aws.lb.TargetGroup]
    rule: aws.lb.ListenerRule
    test_rule: aws.lb.ListenerRule | None

    def __init__(self, name: str, args: RouteArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("pitchbar:aws:Route", name, None, opts)
        self._name = args.process.name
        self._args = args
        self._opts = ResourceOptions(parent=self)
        self.target_groups = self._create_target_groups()
        self._create_way_in()
        self.rule = self._create_rule()
        self.test_rule = self._create_test_rule() if args.spare else None
        self.register_outputs({"rule": self.rule.arn, "target_groups": [group.arn for group in self.target_groups]})

    @property
    def suffixes(self) -> list[Input[str]]:
        """The target groups as CloudWatch names them."""
        return [group.arn_suffix for group in self.target_groups]

    def _create_target_groups(self) -> list[aws.lb.TargetGroup]:
        names = [f"{self._name}-blue", f"{self._name}-green"] if self._args.spare else [self._name]
        return [self._create_target_group(name) for name in names]

    def _create_target_group(self, name: str) -> aws.lb.TargetGroup:
        """Healthy after two good answers: 10 s with the model's times, instead of the default's 150 s. The check is
        whether the process lives; see :mod:`infra.targets.aws.health`."""
        process = self._args.process
        sticky = isinstance(process, Realtime) and process.sticky
        return aws.lb.TargetGroup(
            name,
            vpc_id=self._args.network.vpc_id,
            port=_PORT,
            protocol="HTTP",
            target_type="ip",
            deregistration_delay=min(_REALTIME_DRAIN if isinstance(process, Realtime) else _APP_DRAIN, 300),
            load_balancing_algorithm_type="round_robin" if sticky else "least_outstanding_requests",
            health_check={
                "path": process.health_path,
                "matcher": "200",
                "interval": routing_limits.interval(process.health),
                "timeout": routing_limits.timeout(process.health),
                "healthy_threshold": 2,
                "unhealthy_threshold": 3,
            },
            stickiness={"type": "lb_cookie", "enabled": sticky, "cookie_duration": _DAY},
            opts=self._opts,
        )

    def _create_way_in(self) -> None:
        allow(
            f"load-balancer-to-{self._name}",
            source=self._args.load_balancer.security_group_id,
            owner=self._args.security_group_id,
            port=self._args.process.port,
            opts=self._opts,
        )

    def _create_rule(self) -> aws.lb.ListenerRule:
        tokens: aws.lb.ListenerRuleConditionHttpHeaderArgsDict = {
            "http_header_name": HEADER,
            "values": list(self._args.origin_tokens),
        }
        return aws.lb.ListenerRule(
            self._name,
            listener_arn=self._args.load_balancer.https_listener_arn,
            conditions=[{"host_header": {"values": list(self._args.hosts)}}, {"http_header": tokens}],
            actions=[self._forward((100, 0))],
            opts=self._left_to_ecs(),
        )

    def _create_test_rule(self) -> aws.lb.ListenerRule:
        """Where the next release is tried before visitors reach it; only the network reaches that listener."""
        return aws.lb.ListenerRule(
            f"{self._name}-test",
            listener_arn=self._args.load_balancer.test_listener_arn,
            conditions=[{"host_header": {"values": list(self._args.hosts)}}],
            actions=[self._forward((0, 100))],
            opts=self._left_to_ecs(),
        )

    def _forward(self, weights: tuple[int, int]) -> aws.lb.ListenerRuleActionArgsDict:
        if not self._args.spare:
            return {"type": "forward", "target_group_arn": self.target_groups[0].arn}
        weighted: list[aws.lb.ListenerRuleActionForwardTargetGroupArgsDict] = [
            {"arn": group.arn, "weight": weight} for group, weight in zip(self.target_groups, weights, strict=True)
        ]
        return {"type": "forward", "forward": {"target_groups": weighted}}

    def _left_to_ecs(self) -> ResourceOptions:
        return ResourceOptions(parent=self, ignore_changes=["actions"] if self._args.spare else [])
