"""What keeps an environment running by itself, and tells when that isn't enough: scaling, the queue probe, alarms."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi import Input, ResourceOptions

from infra.model import ProcessName
from infra.targets.aws.foundation import Foundation
from infra.targets.aws.process import Process
from infra.targets.aws.queue_probe import QueueProbe, QueueProbeArgs
from infra.targets.aws.redis import Redis
from infra.targets.aws.scaling import Scaling, ScalingArgs
from infra.targets.aws.secrets import Secrets
from infra.targets.aws.telemetry import Telemetry, TelemetryArgs
from infra.targets.base import Plan


@dataclass(frozen=True, kw_only=True)
class OperationsArgs:
    """``topic_arn``: who hears of alarms; None where the environment has none."""

    plan: Plan
    foundation: Foundation
    secrets: Secrets
    redis: Redis
    processes: Mapping[ProcessName, Process]
    topic_arn: Input[str] | None


class Operations(pulumi.ComponentResource):
    """Each part where the environment's model asks for it: a preview, with one task of each and no alarms, has none."""

    def __init__(self, name: str, args: OperationsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("pitchbar:aws:Operations", name, None, opts)
        self._args = args
        self._opts = ResourceOptions(parent=self)
        self._create_scaling()
        self._create_probe()
        self._create_telemetry()
        self.register_outputs({})

    def _create_scaling(self) -> None:
        for process in self._args.plan.environment.processes:
            made = self._args.processes[process.name]
            if process.scaling.max == process.scaling.min:
                continue
            args = ScalingArgs(
                plan=self._args.plan,
                process=process,
                foundation=self._args.foundation,
                service_name=made.service_name,
                target_group_suffixes=made.route.suffixes if made.route else (),
            )
            Scaling(process.name, args, self._opts)

    def _create_probe(self) -> None:
        args, worker = self._args, self._args.plan.environment.processes.worker
        if args.topic_arn is None and worker.scaling.max == worker.scaling.min:
            return
        asked = QueueProbeArgs(
            plan=args.plan,
            foundation=args.foundation,
            redis_host=args.redis.host,
            redis_port=args.redis.port,
            redis_tls=args.redis.tls,
            redis_security_group_id=args.redis.security_group_id,
            redis_password_from=args.secrets.references["REDIS_PASSWORD"],
            readable=args.secrets.readable,
            key_arns=args.secrets.key_arns,
        )
        QueueProbe("queue-probe", asked, self._opts)

    def _create_telemetry(self) -> None:
        args = self._args
        if args.topic_arn is None:
            return
        watched = TelemetryArgs(
            plan=args.plan,
            foundation=args.foundation,
            processes=args.processes,
            topic_arn=args.topic_arn,
            redis_group=args.redis.replication_group_id,
        )
        Telemetry("telemetry", watched, self._opts)
