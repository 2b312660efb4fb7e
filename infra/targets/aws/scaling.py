"""How many tasks of a process run: never fewer than ``min`` of the model, never more than ``max``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra import model
from infra.targets.aws import foundation
from infra.targets.aws.queue_probe import NAMESPACE
from infra.targets.base import Plan

_OUT_COOLDOWN, _IN_COOLDOWN = 60, 300
"""Seconds after a change until the next one in the same direction."""


@dataclass(frozen=True, kw_only=True)
class ScalingArgs:
    """``target_group_suffixes``: of the process' target groups, as CloudWatch names them; none for the worker."""

    plan: Plan
    process: model.Process
    foundation: foundation.Foundation
    service_name: Input[str]
    target_group_suffixes: Sequence[Input[str]] = ()


class Scaling(pulumi.ComponentResource):
    """Target tracking, which adds tasks within minutes and takes them away after a quarter of an hour of too little to
    do. Where a metric is missing the number stays.

    The app goes by processor load and by requests, whichever asks for more; the worker by the backlog of each task.
    """

    def __init__(self, name: str, args: ScalingArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("pitchbar:aws:Scaling", name, None, opts)
        self._args = args
        self._opts = ResourceOptions(parent=self)
        target = self._create_target()
        scaling = args.process.scaling
        if isinstance(scaling, model.AppScaling):
            self._create_policy("app-load", target, scaling.cpu, _LOAD)
            self._create_policy("app-requests", target, scaling.requests, self._measure(self._requests()))
        if isinstance(scaling, model.WorkerScaling):
            measured = self._measure(backlog(scaling.backlog, args.plan.stack))
            self._create_policy("worker-backlog", target, scaling.backlog, measured)
        self.register_outputs({})

    def _create_target(self) -> aws.appautoscaling.Target:
        scaling = self._args.process.scaling
        return aws.appautoscaling.Target(
            self._args.process.name,
            service_namespace="ecs",
            scalable_dimension="ecs:service:DesiredCount",
            resource_id=Output.concat("service/", self._args.foundation.cluster.name, "/", self._args.service_name),
            min_capacity=scaling.min,
            max_capacity=scaling.max,
            opts=self._opts,
        )

    def _create_policy(
        self, name: str, target: aws.appautoscaling.Target, value: float, measured: Mapping[str, Any]
    ) -> None:
        tracking = aws.appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs(
            target_value=float(value),
            scale_out_cooldown=_OUT_COOLDOWN,
            scale_in_cooldown=_IN_COOLDOWN,
            **measured,
        )
        aws.appautoscaling.Policy(
            name,
            policy_type="TargetTrackingScaling",
            service_namespace=target.service_namespace,
            scalable_dimension=target.scalable_dimension,
            resource_id=target.resource_id,
            target_tracking_scaling_policy_configuration=tracking,
            opts=self._opts,
        )

    def _requests(self) -> list[dict[str, Any]]:
        """Requests a minute for each task. Both target groups count: which one visitors reach changes with each
        release, and AWS' own metric for it knows only one."""
        groups = self._args.target_group_suffixes
        balancer = self._args.foundation.load_balancer.arn_suffix
        counted = [
            _metric(
                f"requests{number}",
                "AWS/ApplicationELB",
                "RequestCount",
                "Sum",
                {"LoadBalancer": balancer, "TargetGroup": group},
            )
            for number, group in enumerate(groups)
        ]
        # One that has no value counts as 0. FILL would make both 0 in the latest minute, which isn't told yet; the tick
        # sees to it that no minute is without a request, so that too few of them are seen as well.
        total = " + ".join(f"requests{number}" for number in range(len(groups)))
        return [*counted, _expression(f"({total}) / IF(tasks < 1, 1, tasks)")]

    def _measure(self, metrics: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return {"customized_metric_specification": {"metrics": [self._tasks(), *metrics]}}

    def _tasks(self) -> dict[str, Any]:
        """The number of running tasks: each of them reports its load once a minute."""
        service = {"ClusterName": self._args.foundation.cluster.name, "ServiceName": self._args.service_name}
        return _metric("tasks", "AWS/ECS", "CPUUtilization", "SampleCount", service)


_LOAD = {"predefined_metric_specification": {"predefined_metric_type": "ECSServiceAverageCPUUtilization"}}


def backlog(target: int, stack: str) -> list[dict[str, Any]]:
    """The backlog of each task (waiting, delayed and reserved jobs), except that it is never below ``target`` while
    jobs are delayed or reserved: then no task is taken away, because somebody works, or will have to."""
    counted = [
        _metric(part.lower(), NAMESPACE, part, "Maximum", {"Stack": stack})
        for part in ("Backlog", "Delayed", "Reserved")
    ]
    each = _expression("backlog / IF(tasks < 1, 1, tasks)", id="each", returned=False)
    kept = _expression(f"IF((delayed + reserved) > 0 AND each < {target}, {target}, each)")
    return [*counted, each, kept]


def _metric(id: str, namespace: str, name: str, stat: str, dimensions: Mapping[str, Input[str]]) -> dict[str, Any]:
    named = [{"name": key, "value": value} for key, value in dimensions.items()]
    return {
        "id": id,
        "metric_stat": {"metric": {"namespace": namespace, "metric_name": name, "dimensions": named}, "stat": stat},
        "return_data": False,
    }


def _expression(expression: str, *, id: str = "result", returned: bool = True) -> dict[str, Any]:
    return {"id": id, "expression": expression, "return_data": returned}
