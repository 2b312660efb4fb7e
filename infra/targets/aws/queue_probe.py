"""What counts the jobs: a function inside the network that looks into Redis once a minute."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, Resource, ResourceOptions

from infra.targets.aws import foundation
from infra.targets.aws.access import HTTPS, allow, task_security_group
from infra.targets.aws.functions import FunctionArgs, create_function
from infra.targets.aws.roles import allowing
from infra.targets.base import Plan

NAMESPACE = "Pitchbar"
"""Of the metrics that the function makes; all of them have the dimension ``Stack``."""

CODE = Path(__file__).parent / "probe" / "handler.py"
_NAME = "queue-probe"
_SECONDS = 20


@dataclass(frozen=True, kw_only=True)
class QueueProbeArgs:
    """``redis_password_from``: the secret as ECS would read it. ``readable`` and ``key_arns``: the ARNs of that secret
    and of its KMS key."""

    plan: Plan
    foundation: foundation.Foundation
    redis_host: Input[str]
    redis_port: Input[int]
    redis_tls: bool
    redis_security_group_id: Input[str]
    redis_password_from: Input[str]
    readable: Sequence[Input[str]]
    key_arns: Sequence[Input[str]]


class QueueProbe(pulumi.ComponentResource):
    """A Lambda function and its clock. It writes its metrics to its own log, whence
    CloudWatch takes them.

    Not met, in each environment that has it: CKV_AWS_50 (X-Ray: one call a minute has nothing to trace), CKV_AWS_115
    (a reservation needs a larger account limit than new accounts have), CKV_AWS_116 (what fails is asked again a minute
    later, and an alarm tells), CKV_AWS_272 (its code is in this repository and goes with each deployment).
    """

    function_name: Output[str]

    def __init__(self, name: str, args: QueueProbeArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("pitchbar:aws:QueueProbe", name, None, opts)
        self._args = args
        self._opts = ResourceOptions(parent=self)
        group = self._create_security_group()
        function = self._create_function(group, self._create_ways(group))
        self._create_clock(function)
        self.function_name = function.name
        self.register_outputs({"function_name": self.function_name})

    def _create_security_group(self) -> aws.ec2.SecurityGroup:
        return task_security_group(
            _NAME, vpc_id=self._args.foundation.network.vpc_id, description="The queue probe", opts=self._opts
        )

    def _create_ways(self, group: aws.ec2.SecurityGroup) -> list[Resource]:
        args = self._args
        secrets = aws.vpc.SecurityGroupEgressRule(
            f"{_NAME}-to-services",
            security_group_id=group.id,
            referenced_security_group_id=args.foundation.network.endpoints_security_group_id,
            ip_protocol="tcp",
            from_port=HTTPS,
            to_port=HTTPS,
            description="queue probe to Secrets Manager inside the network",
            opts=self._opts,
        )
        redis = allow(
            f"{_NAME}-to-redis",
            source=group.id,
            owner=args.redis_security_group_id,
            port=args.redis_port,
            opts=self._opts,
        )
        return [secrets, *redis]

    def _create_function(self, group: aws.ec2.SecurityGroup, ways: Sequence[Resource]) -> aws.lambda_.Function:
        args = self._args
        wanted = FunctionArgs(
            plan=args.plan,
            foundation=args.foundation,
            description="Counts the jobs that wait, are delayed and are reserved",
            role_description="How the queue probe reads the password of Redis and writes its log",
            code=CODE,
            seconds=_SECONDS,
            variables=self._variables(),
            statements=[
                allowing(["secretsmanager:GetSecretValue"], args.readable),
                allowing(["kms:Decrypt"], args.key_arns),
            ],
            security_group_id=group.id,
            ways=ways,
        )
        return create_function(_NAME, wanted, self)

    def _variables(self) -> dict[str, Input[str]]:
        args, worker = self._args, self._args.plan.environment.processes.worker
        return {
            "STACK": args.plan.stack,
            "RUNTIME": args.plan.environment.runtime,
            "QUEUES": ",".join(worker.queues),
            "REDIS_HOST": args.redis_host,
            "REDIS_PORT": Output.from_input(args.redis_port).apply(lambda port: str(int(port))),
            "REDIS_SCHEME": "tls" if args.redis_tls else "tcp",
            "REDIS_PASSWORD_FROM": args.redis_password_from,
        }

    def _create_clock(self, function: aws.lambda_.Function) -> None:
        rule = aws.cloudwatch.EventRule(
            _NAME, description="Count the jobs once a minute", schedule_expression="rate(1 minute)", opts=self._opts
        )
        aws.lambda_.Permission(
            _NAME,
            function=function.name,
            action="lambda:InvokeFunction",
            principal="events.amazonaws.com",
            source_arn=rule.arn,
            opts=self._opts,
        )
        aws.cloudwatch.EventTarget(
            _NAME,
            rule=rule.name,
            arn=function.arn,
            retry_policy={"maximum_event_age_in_seconds": 60, "maximum_retry_attempts": 0},
            opts=self._opts,
        )
