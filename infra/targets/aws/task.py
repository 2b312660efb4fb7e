"""What all tasks of a stack share, and the task definitions that come of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra import wiring
from infra.targets.aws import foundation
from infra.targets.aws.authority import trusting
from infra.targets.aws.containers import WRITABLE, Container, definition
from infra.targets.aws.log_groups import create_log_group
from infra.targets.aws.roles import GrantedRole, Statement, allowing, create_role
from infra.targets.aws.sizes import Size, rounded
from infra.targets.base import Plan, cloud_of

TASKS = "ecs-tasks.amazonaws.com"


@dataclass(frozen=True, kw_only=True)
class TaskRuntimeArgs:
    """``variables``: the plain environment that the processes share. ``secrets``: environment variable → what ECS
    reads it from; none is ever taken from ``variables``. ``readable``: the secrets' ARNs, ``key_arns``: of their KMS
    keys."""

    plan: Plan
    foundation: foundation.Foundation
    image: Input[str]
    variables: Mapping[str, Input[str]]
    secrets: Mapping[str, Input[str]]
    readable: Sequence[Input[str]]
    key_arns: Sequence[Input[str]]


class TaskRuntime(pulumi.ComponentResource):
    """The image, the environment, the log and the role by which ECS starts tasks: it may fetch this image, read these
    secrets and write this log, and nothing else."""

    execution_role_arn: Output[str]
    log_group: Output[str]

    def __init__(self, name: str, args: TaskRuntimeArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("pitchbar:aws:TaskRuntime", name, None, opts)
        self._args = args
        self._cloud = cloud_of(args.plan)
        self._opts = ResourceOptions(parent=self)
        log = self._create_log()
        role = self._create_execution_role(log)
        self.execution_role_arn = role.arn
        self.log_group = log.name
        for sentence in rounded(args.plan.environment):
            pulumi.log.info(sentence, self)
        self.register_outputs({"execution_role_arn": self.execution_role_arn, "log_group": self.log_group})

    def container(self, name: str, command: Sequence[str], more: Mapping[str, Input[str]] | None = None) -> Container:
        """A container of the release with the shared environment, of the secrets those that the process ``name``
        reads. ``more``: variables of its own."""
        plan, secrets = self._args.plan, self._args.secrets
        runtime = plan.environment.runtime
        hidden = wiring.SECRETS | secrets.keys()
        plain = {key: value for key, value in self._args.variables.items() if key not in hidden}
        own = wiring.release_variables(plan.environment.name, plan.release)
        return Container(
            name=name,
            image=self._args.image,
            command=trusting(command) if "PGSSLROOTCERT" in plain else tuple(command),
            environment={**plain, **own, **wiring.profile_variables(plan.environment), **(more or {})},
            secrets=wiring.readable(name, runtime, secrets),
            log_group=self.log_group,
            region=self._cloud.region,
        )

    def create_task_definition(
        self, name: str, container: Container, size: Size, role: GrantedRole, opts: ResourceOptions
    ) -> aws.ecs.TaskDefinition:
        """One container on Fargate (ECS.1, ECS.3). An earlier revision stays until nothing runs it any more."""
        return aws.ecs.TaskDefinition(
            name,
            family=f"{self._cloud.product}-{self._args.plan.stack}-{name}",
            requires_compatibilities=["FARGATE"],
            network_mode="awsvpc",
            cpu=str(size.cpu),
            memory=str(size.memory),
            runtime_platform={"operating_system_family": "LINUX", "cpu_architecture": "X86_64"},
            execution_role_arn=self.execution_role_arn,
            task_role_arn=role.arn,
            container_definitions=Output.json_dumps([definition(container)], sort_keys=True),
            volumes=[{"name": volume} for volume in WRITABLE],
            opts=opts,
        )

    def create_task_role(
        self, name: str, *, statements: Sequence[Statement] = (), opts: ResourceOptions
    ) -> GrantedRole:
        """What the process itself may do: ``statements``, and let an operator in (ECS Exec)."""
        return create_role(
            self._args.plan,
            f"{name}-task",
            service=TASKS,
            description=f"What the {name} itself may do on AWS",
            statements=[*self._sessions(), *statements],
            opts=opts,
        )

    def _create_log(self) -> aws.cloudwatch.LogGroup:
        return create_log_group(self._args.plan, "tasks", self._args.foundation.keys.logs_key_arn, self._opts)

    def _create_execution_role(self, log: aws.cloudwatch.LogGroup) -> GrantedRole:
        args = self._args
        repository = Output.from_input(args.image).apply(repository_arn)
        layers = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        through = {"StringEquals": {"kms:ViaService": f"secretsmanager.{self._cloud.region}.amazonaws.com"}}
        return create_role(
            args.plan,
            "execution",
            service=TASKS,
            description="How ECS starts the tasks of the stack: image, secrets, log",
            statements=[
                allowing(["ecr:GetAuthorizationToken"], ["*"]),
                allowing(layers, [repository]),
                allowing(["logs:CreateLogStream", "logs:PutLogEvents"], [Output.concat(log.arn, ":*")]),
                allowing(["secretsmanager:GetSecretValue"], args.readable),
                allowing(["kms:Decrypt"], args.key_arns, Condition=through),
            ],
            opts=self._opts,
        )

    def _sessions(self) -> list[Statement]:
        log, key = self._args.foundation.cluster.exec_log_group_arn, self._args.foundation.keys.logs_key_arn
        channels = ("CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel")
        return [
            allowing([f"ssmmessages:{channel}" for channel in channels], ["*"]),
            allowing(["logs:DescribeLogGroups"], ["*"]),
            allowing(
                ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"], [Output.concat(log, ":*")]
            ),
            allowing(["kms:Decrypt", "kms:GenerateDataKey"], [key]),
        ]


def repository_arn(reference: str) -> str:
    """The ARN of the ECR repository of an image, ``<account>.dkr.ecr.<region>.amazonaws.com/<name>@sha256:…``."""
    host, _, rest = reference.partition("/")
    account, _, _, region, *_ = host.split(".")
    return f"arn:aws:ecr:{region}:{account}:repository/{rest.partition('@')[0]}"
