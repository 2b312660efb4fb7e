"""What an environment says of itself: alarms and a dashboard."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra.model import ProcessName
from infra.targets.aws import foundation
from infra.targets.aws.alarms import Alarm, Metric, create_alarm, of_target_groups, total
from infra.targets.aws.dashboard import Shown, body
from infra.targets.aws.process import Process
from infra.targets.aws.queue_probe import NAMESPACE
from infra.targets.base import Plan, cloud_of

_GB = 1024**3
_SLOW_SECONDS = 2
_OLD_SECONDS = 600
_FULL_PERCENT = 80
_BROKEN_OFF = 5


@dataclass(frozen=True, kw_only=True)
class TelemetryArgs:
    """``redis_group``: ElastiCache's replication group; None where Redis is a container."""

    plan: Plan
    foundation: foundation.Foundation
    processes: Mapping[ProcessName, Process]
    topic_arn: Input[str]
    redis_group: Input[str] | None = None


class Telemetry(pulumi.ComponentResource):
    """Alarms on what visitors or operators would notice, each with what to look at, and a dashboard of the same.

    Errors are an alarm of each process (:mod:`infra.targets.aws.process`), because they take a release back; failed
    backups and roll-outs are events (:mod:`infra.targets.aws.alarm_topic`).
    """

    dashboard_name: Output[str]

    def __init__(self, name: str, args: TelemetryArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("pitchbar:aws:Telemetry", name, None, opts)
        self._args = args
        self._opts = ResourceOptions(parent=self)
        for alarm in [*self._of_visitors(), *self._of_tasks(), *self._of_jobs(), *self._of_data()]:
            create_alarm(alarm, self._opts)
        self.dashboard_name = self._create_dashboard()
        self.register_outputs({"dashboard_name": self.dashboard_name})

    def _of_visitors(self) -> list[Alarm]:
        balancer = self._args.foundation.load_balancer.arn_suffix
        found = []
        for name, process in self._args.processes.items():
            if process.route is None:
                continue
            unwell = of_target_groups("unwell", "UnHealthyHostCount", "Maximum", balancer, process.route.suffixes)
            found.append(
                self._alarm(
                    f"{name}-unhealthy",
                    f"A task of the {name} doesn't answer. Look at its log: `pitchbar logs {name}`.",
                    unwell,
                    total(unwell),
                    0,
                )
            )
        found.append(self._of_load_balancer(balancer))
        slow = of_target_groups("slow", "TargetResponseTime", "p95", balancer, self._groups("app"))
        text = f"One in twenty requests to the app takes more than {_SLOW_SECONDS} s. Look at load and database."
        return [*found, self._alarm("app-latency", text, slow, _largest(slow), _SLOW_SECONDS)]

    def _of_load_balancer(self, balancer: Input[str]) -> Alarm:
        """What it answers itself, because no task does or one breaks the connection off, is in no task's count."""
        own = Metric(
            id="own",
            namespace="AWS/ApplicationELB",
            name="HTTPCode_ELB_5XX_Count",
            stat="Sum",
            dimensions={"LoadBalancer": balancer},
        )
        text = "No task answers, or tasks break off: the load balancer answers 5xx itself. Look at `pitchbar status`."
        return self._alarm("load-balancer-errors", text, [own], "own", _BROKEN_OFF)

    def _of_tasks(self) -> list[Alarm]:
        found = []
        for process in self._args.plan.environment.processes:
            name, least = process.name, process.scaling.min
            running = Metric(
                id="tasks",
                namespace="AWS/ECS",
                name="CPUUtilization",
                stat="SampleCount",
                dimensions={
                    "ClusterName": self._args.foundation.cluster.name,
                    "ServiceName": self._args.processes[name].service_name,
                },
            )
            text = f"Fewer than {least} tasks of the {name} run. Look at the service's events, then at its log."
            found.append(self._alarm(f"{name}-tasks", text, [running], "FILL(tasks, 0)", least, below=True, of=5))
        return found

    def _of_jobs(self) -> list[Alarm]:
        tick = self._args.plan.environment.queue_tick
        old = self._of_stack("age", "OldestAge")
        waiting = self._alarm(
            "queue-age",
            f"A job has been waiting for more than {_OLD_SECONDS // 60} min, or nobody counts them. Look at the "
            "worker's log: `pitchbar logs worker`.",
            [old],
            "age",
            _OLD_SECONDS,
            silence="breaching",
        )
        if self._args.plan.environment.runtime != "bundled":
            return [waiting]
        # A pass that is at its longest lets a tick begin no other.
        late = 2 * tick.interval + tick.max_time + tick.job_timeout
        missed = self._alarm(
            "queue-tick",
            f"The cron Worker has not ticked for {late} s. Look at its log in Cloudflare, then at `pitchbar status`.",
            [self._of_stack("tick", "TickAge")],
            "tick",
            late,
            silence="breaching",
        )
        return [waiting, missed]

    def _of_data(self) -> list[Alarm]:
        server, size = self._args.foundation.database_server, self._args.plan.environment.postgres
        free = self._of_database("free", "FreeStorageSpace", "Minimum", server.identifier)
        busy = self._of_database("busy", "CPUUtilization", "Average", server.identifier)
        found = [
            self._alarm(
                "postgres-storage",
                "Postgres has less than a tenth of its first size left, so storage autoscaling doesn't keep up. Look "
                "for what grows.",
                [free],
                "free",
                size.disk * 1024**2 / 10,
                below=True,
            ),
            self._alarm(
                "postgres-load",
                "Postgres' processors have been busy for a quarter of an hour. Look at Performance Insights.",
                [busy],
                "busy",
                90,
                periods=15,
                of=15,
            ),
        ]
        if self._args.redis_group is None:
            return found
        full = [
            Metric(
                id=f"full{number}",
                namespace="AWS/ElastiCache",
                name="DatabaseMemoryUsageCountedForEvictPercentage",
                stat="Maximum",
                dimensions={"CacheClusterId": node},
            )
            for number, node in enumerate(self._redis_nodes())
        ]
        text = f"Redis is {_FULL_PERCENT} % full, and refuses writes when it is full. Look at the backlog."
        return [*found, self._alarm("redis-memory", text, full, _largest(full), _FULL_PERCENT)]

    def _redis_nodes(self) -> list[Input[str]]:
        """ElastiCache counts for each node; it calls them after the group."""
        group = self._args.redis_group
        count = 2 if self._args.plan.environment.redis.failover else 1
        return [Output.concat(group, f"-{number:03}") for number in range(1, count + 1)] if group else []

    def _alarm(
        self,
        name: str,
        description: str,
        metrics: Sequence[Metric],
        expression: str,
        threshold: float,
        *,
        below: bool = False,
        silence: str = "notBreaching",
        periods: int = 5,
        of: int = 3,
    ) -> Alarm:
        return Alarm(
            name=name,
            description=description,
            metrics=metrics,
            expression=expression,
            threshold=threshold,
            below=below,
            silence=silence,
            periods=periods,
            of=of,
            actions=[self._args.topic_arn],
        )

    def _of_stack(self, id: str, name: str) -> Metric:
        stack = {"Stack": self._args.plan.stack}
        return Metric(id=id, namespace=NAMESPACE, name=name, stat="Maximum", dimensions=stack)

    def _of_database(self, id: str, name: str, stat: str, identifier: Input[str]) -> Metric:
        dimensions = {"DBInstanceIdentifier": identifier}
        return Metric(id=id, namespace="AWS/RDS", name=name, stat=stat, dimensions=dimensions)

    def _groups(self, name: ProcessName) -> list[Input[str]]:
        route = self._args.processes[name].route
        return route.suffixes if route else []

    def _create_dashboard(self) -> Output[str]:
        args, cloud = self._args, cloud_of(self._args.plan)
        shown = Shown(
            stack=args.plan.stack,
            region=cloud.region,
            load_balancer=args.foundation.load_balancer.arn_suffix,
            cluster=args.foundation.cluster.name,
            services={name: process.service_name for name, process in args.processes.items()},
            target_groups={name: self._groups(name) for name in args.processes},
            database=args.foundation.database_server.identifier,
            redis_nodes=self._redis_nodes(),
        )
        dashboard = aws.cloudwatch.Dashboard(
            "dashboard",
            dashboard_name=f"{cloud.product}-{args.plan.stack}",
            dashboard_body=Output.json_dumps(body(shown), sort_keys=True),
            opts=self._opts,
        )
        return dashboard.dashboard_name


def _largest(metrics: Sequence[Metric]) -> str:
    """The expression of the largest of them; see :func:`infra.targets.aws.alarms.total` for those without a value."""
    return f"MAX([{', '.join(metric.id for metric in metrics)}])"
