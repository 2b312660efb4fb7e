"""What follows the processes once they run: scaling, the probe of the queues, alarms and the dashboard."""

from collections.abc import Mapping

from pulumi import Input, ResourceOptions

from infra.model import Process as Model
from infra.targets.aws.foundation import Foundation
from infra.targets.aws.process import Process
from infra.targets.aws.queue_probe import QueueProbe, QueueProbeArgs
from infra.targets.aws.redis import Redis
from infra.targets.aws.scaling import Scaling, ScalingArgs
from infra.targets.aws.secrets import Secrets
from infra.targets.aws.telemetry import Telemetry, TelemetryArgs
from infra.targets.base import Plan


def watch(
    plan: Plan,
    foundation: Foundation,
    processes: Mapping[str, Process],
    redis: Redis,
    secrets: Secrets,
    topic_arn: Input[str] | None,
    opts: ResourceOptions,
) -> None:
    """Scale what the model lets scale; watch where alarms go to a topic."""
    scaled = [process for process in plan.environment.processes if process.scaling.max > process.scaling.min]
    for process in scaled:
        _scale(plan, foundation, process, processes[process.name], opts)
    if topic_arn is not None or any(process.name == "worker" for process in scaled):
        _probe(plan, foundation, redis, secrets, opts)
    if topic_arn is not None:
        args = TelemetryArgs(
            plan=plan,
            foundation=foundation,
            processes=processes,
            topic_arn=topic_arn,
            redis_group=redis.replication_group_id,
        )
        Telemetry("telemetry", args, opts)


def _scale(plan: Plan, foundation: Foundation, process: Model, made: Process, opts: ResourceOptions) -> None:
    args = ScalingArgs(
        plan=plan,
        process=process,
        foundation=foundation,
        service_name=made.service_name,
        target_group_suffixes=made.route.suffixes if made.route else (),
    )
    Scaling(f"{process.name}-scaling", args, opts)


def _probe(plan: Plan, foundation: Foundation, redis: Redis, secrets: Secrets, opts: ResourceOptions) -> None:
    args = QueueProbeArgs(
        plan=plan,
        foundation=foundation,
        redis_host=redis.host,
        redis_port=redis.port,
        redis_tls=redis.tls,
        redis_security_group_id=redis.security_group_id,
        redis_password_from=secrets.references["REDIS_PASSWORD"],
        readable=secrets.readable,
        key_arns=secrets.key_arns,
    )
    QueueProbe("queue-probe", args, opts)
