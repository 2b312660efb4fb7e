"""Alarms: what is measured, when it is too much, and who hears of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi_aws as aws
from pulumi import Input, ResourceOptions

_MINUTE = 60


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One of CloudWatch's, as an alarm's expression calls it (``id``)."""

    id: str
    namespace: str
    name: str
    stat: str
    dimensions: Mapping[str, Input[str]]


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """Raised while ``expression`` over ``metrics`` is above (or, with ``below``, below) ``threshold`` in ``of`` of the
    last ``periods`` periods of ``period`` seconds. ``silence``: what no data means, breaching or notBreaching.
    ``description``: what is wrong and what to look at."""

    name: str
    description: str
    metrics: Sequence[Metric]
    expression: str
    threshold: float
    below: bool = False
    period: int = _MINUTE
    periods: int = 5
    of: int = 3
    silence: str = "notBreaching"
    actions: Sequence[Input[str]] = field(default_factory=tuple)


def create_alarm(alarm: Alarm, opts: ResourceOptions) -> aws.cloudwatch.MetricAlarm:
    """The alarm; its actions hear when it is raised and when it is over."""
    queries: list[aws.cloudwatch.MetricAlarmMetricQueryArgsDict] = [
        {
            "id": metric.id,
            "return_data": False,
            "metric": {
                "namespace": metric.namespace,
                "metric_name": metric.name,
                "dimensions": metric.dimensions,
                "period": alarm.period,
                "stat": metric.stat,
            },
        }
        for metric in alarm.metrics
    ]
    result: aws.cloudwatch.MetricAlarmMetricQueryArgsDict = {
        "id": "result",
        "expression": alarm.expression,
        "label": alarm.name,
        "return_data": True,
    }
    return aws.cloudwatch.MetricAlarm(
        alarm.name,
        alarm_description=alarm.description,
        comparison_operator="LessThanThreshold" if alarm.below else "GreaterThanThreshold",
        threshold=float(alarm.threshold),
        evaluation_periods=alarm.periods,
        datapoints_to_alarm=alarm.of,
        treat_missing_data=alarm.silence,
        metric_queries=[*queries, result],
        alarm_actions=list(alarm.actions),
        ok_actions=list(alarm.actions),
        opts=opts,
    )


def of_target_groups(
    id: str, name: str, stat: str, load_balancer: Input[str], groups: Sequence[Input[str]]
) -> list[Metric]:
    """A metric of each of a process' target groups, ``id``0 and ``id``1: which one visitors reach changes."""
    return [
        Metric(
            id=f"{id}{number}",
            namespace="AWS/ApplicationELB",
            name=name,
            stat=stat,
            dimensions={"LoadBalancer": load_balancer, "TargetGroup": group},
        )
        for number, group in enumerate(groups)
    ]


def total(metrics: Sequence[Metric]) -> str:
    """The expression of their sum. Where only some have a value, the others count as 0; where none has, it has none.
    FILL would give it one in the latest minute, before the load balancer has told its own: an alarm on that minute
    would never be raised."""
    return "(" + " + ".join(metric.id for metric in metrics) + ")"


_ERROR_SHARE, _ERRORS = 5, 5


def failing(
    process: str, load_balancer: Input[str], groups: Sequence[Input[str]], actions: Sequence[Input[str]]
) -> Alarm:
    """More than 5 % of a minute's requests, and at least 5, ended with a 5xx of the process itself. It is raised after
    the first such minute, so that a release is taken back while the one before it is still there."""
    errors = of_target_groups("errors", "HTTPCode_Target_5XX_Count", "Sum", load_balancer, groups)
    requests = of_target_groups("requests", "RequestCount", "Sum", load_balancer, groups)
    failed, asked = total(errors), total(requests)
    return Alarm(
        name=f"{process}-errors",
        description=f"More than {_ERROR_SHARE} % of the requests to the {process} fail. Look at its log: "
        f"`pitchbar logs {process}`.",
        metrics=[*errors, *requests],
        expression=f"IF({failed} >= {_ERRORS}, 100 * {failed} / {asked}, 0)",
        threshold=_ERROR_SHARE,
        periods=1,
        of=1,
        actions=actions,
    )
