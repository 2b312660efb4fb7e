"""The dashboard of an environment, as CloudWatch reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulumi import Input

from infra.targets.aws.queue_probe import NAMESPACE

_WIDTH, _HEIGHT, _COLUMNS = 8, 6, 3
Line = list[Any]
"""A metric as a dashboard spells it: namespace, name, dimensions and their values, options."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What is shown. ``services`` and ``target_groups`` by process."""

    stack: str
    region: str
    load_balancer: Input[str]
    cluster: Input[str]
    services: Mapping[str, Input[str]]
    target_groups: Mapping[str, Sequence[Input[str]]]
    database: Input[str]
    redis_nodes: Sequence[Input[str]]


def body(shown: Shown) -> dict[str, Any]:
    """Three columns: what visitors notice, what runs, where data is."""
    drawn = [
        ("Requests a minute", "Sum", _of_groups(shown, "RequestCount")),
        ("Errors a minute", "Sum", _of_groups(shown, "HTTPCode_Target_5XX_Count")),
        ("Answers in, 95th percentile", "p95", _of_groups(shown, "TargetResponseTime")),
        ("Tasks", "SampleCount", _of_services(shown, "CPUUtilization")),
        ("Processor load of tasks, %", "Average", _of_services(shown, "CPUUtilization")),
        ("Memory of tasks, %", "Average", _of_services(shown, "MemoryUtilization")),
        ("Jobs", "Maximum", _of_queue(shown, ("Waiting", "Delayed", "Reserved"))),
        ("Age of the oldest job and of the last tick, s", "Maximum", _of_queue(shown, ("OldestAge", "TickAge"))),
        ("Open WebSockets and other connections", "Sum", _of_balancer(shown, "ActiveConnectionCount")),
        ("Postgres: processor load, %", "Average", _of_database(shown, "CPUUtilization")),
        ("Postgres: connections", "Maximum", _of_database(shown, "DatabaseConnections")),
        ("Postgres: free storage, bytes", "Minimum", _of_database(shown, "FreeStorageSpace")),
        *_of_redis(shown),
    ]
    return {"widgets": [_widget(shown, number, *each) for number, each in enumerate(drawn)]}


def _widget(shown: Shown, number: int, title: str, stat: str, lines: Sequence[Line]) -> dict[str, Any]:
    row, column = divmod(number, _COLUMNS)
    return {
        "type": "metric",
        "x": column * _WIDTH,
        "y": row * _HEIGHT,
        "width": _WIDTH,
        "height": _HEIGHT,
        "properties": {
            "title": title,
            "region": shown.region,
            "view": "timeSeries",
            "stat": stat,
            "period": 60,
            "metrics": list(lines),
        },
    }


def _of_groups(shown: Shown, name: str) -> list[Line]:
    return [
        ["AWS/ApplicationELB", name, "LoadBalancer", shown.load_balancer, "TargetGroup", group, {"label": process}]
        for process, groups in shown.target_groups.items()
        for group in groups
    ]


def _of_balancer(shown: Shown, name: str) -> list[Line]:
    return [["AWS/ApplicationELB", name, "LoadBalancer", shown.load_balancer]]


def _of_services(shown: Shown, name: str) -> list[Line]:
    return [
        ["AWS/ECS", name, "ClusterName", shown.cluster, "ServiceName", service, {"label": process}]
        for process, service in shown.services.items()
    ]


def _of_queue(shown: Shown, names: Sequence[str]) -> list[Line]:
    return [[NAMESPACE, name, "Stack", shown.stack] for name in names]


def _of_database(shown: Shown, name: str) -> list[Line]:
    return [["AWS/RDS", name, "DBInstanceIdentifier", shown.database]]


def _of_redis(shown: Shown) -> list[tuple[str, str, list[Line]]]:
    if not shown.redis_nodes:
        return []
    names = (
        ("Redis: memory, %", "Maximum", "DatabaseMemoryUsageCountedForEvictPercentage"),
        ("Redis: processor load, %", "Maximum", "EngineCPUUtilization"),
        ("Redis: connections", "Maximum", "CurrConnections"),
    )
    return [
        (title, stat, [["AWS/ElastiCache", name, "CacheClusterId", node] for node in shown.redis_nodes])
        for title, stat, name in names
    ]
