"""What counts the jobs: a function inside the network that looks into Redis once a minute."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, Resource, ResourceOptions

from infra.targets.aws import foundation
from infra.targets.aws.access import HTTPS, allow, task_security_group
from infra.targets.aws.log_groups import create_log_group
from infra.targets.aws.roles import GrantedRole, allowing, create_role
from infra.targets.base import Plan

NAMESPACE = "Pitchbar"
"""Of the metrics that the function makes; all of them have the dimension ``Stack``."""

CODE = Path(__file__).parent / "probe" / "handler.py"
_NAME = "queue-probe"
_SECONDS = 20
_INTERFACES = ("CreateNetworkInterface", "DeleteNetworkInterface", "DescribeNetworkInterfaces", "DescribeSubnets")


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
    """A Lambda function and its clock (LAMBDA.1, LAMBDA.2, LAMBDA.5). It writes its metrics to its own log, whence
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
        log = self._create_log()
        group = self._create_security_group()
        ways = self._create_ways(group)
        role = self._create_role(log)
        function = self._create_function(role, log, group, ways)
        self._create_clock(function)
        self.function_name = function.name
        self.register_outputs({"function_name": self.function_name})

    def _create_log(self) -> aws.cloudwatch.LogGroup:
        return create_log_group(self._args.plan, _NAME, self._args.foundation.keys.logs_key_arn, self._opts)

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

    def _create_role(self, log: aws.cloudwatch.LogGroup) -> GrantedRole:
        args = self._args
        return create_role(
            args.plan,
            _NAME,
            service="lambda.amazonaws.com",
            description="How the queue probe reads the password of Redis and writes its log",
            statements=[
                # IAM has no narrower resource for the interfaces by which a function is in a network.
                allowing([f"ec2:{action}" for action in _INTERFACES], ["*"]),
                allowing(["logs:CreateLogStream", "logs:PutLogEvents"], [Output.concat(log.arn, ":*")]),
                allowing(["secretsmanager:GetSecretValue"], args.readable),
                allowing(["kms:Decrypt"], [*args.key_arns, args.foundation.keys.logs_key_arn]),
            ],
            opts=self._opts,
        )

    def _create_function(
        self,
        role: GrantedRole,
        log: aws.cloudwatch.LogGroup,
        group: aws.ec2.SecurityGroup,
        ways: Sequence[Resource],
    ) -> aws.lambda_.Function:
        args = self._args
        return aws.lambda_.Function(
            _NAME,
            description="Counts the jobs that wait, are delayed and are reserved",
            runtime="python3.13",
            architectures=["arm64"],
            handler="handler.handle",
            code=pulumi.AssetArchive({"handler.py": pulumi.FileAsset(str(CODE))}),
            role=role.arn,
            timeout=_SECONDS,
            memory_size=128,
            kms_key_arn=args.foundation.keys.logs_key_arn,
            environment={"variables": self._variables()},
            vpc_config={
                "subnet_ids": args.foundation.network.private_subnet_ids,
                "security_group_ids": [group.id],
            },
            logging_config={"log_format": "Text", "log_group": log.name},
            # Lambda gives its interfaces back late: a group that one still has could not be removed.
            replace_security_groups_on_destroy=True,
            opts=ResourceOptions(parent=self, depends_on=list(ways)),
        )

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
