"""One process of an environment as an ECS service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, Resource, ResourceOptions

from infra import model, wiring
from infra.targets.aws import foundation
from infra.targets.aws.access import HTTPS, allow, reach_services, task_security_group
from infra.targets.aws.alarms import create_alarm, failing
from infra.targets.aws.health import HEARTBEAT, question
from infra.targets.aws.roles import GrantedRole, allowing
from infra.targets.aws.routing import Route, RouteArgs
from infra.targets.aws.service import ServiceArgs, create_service, is_switched
from infra.targets.aws.sizes import size_of
from infra.targets.aws.task import TaskRuntime
from infra.targets.base import Plan

_HTTP = 80
_EVERY_ADDRESS = "0.0.0.0"


@dataclass(frozen=True, kw_only=True)
class ProcessArgs:
    """``hosts`` and ``origin_tokens``: see :class:`infra.targets.aws.routing.RouteArgs`; none for the worker.
    ``redis_security_group_id`` and ``redis_port``: where Redis is. ``bucket_arn``: of the files. ``after``: what
    must be done before a task of the release starts. ``topic_arn``: who hears of alarms; None makes none."""

    plan: Plan
    process: model.Process
    foundation: foundation.Foundation
    runtime: TaskRuntime
    redis_security_group_id: Input[str]
    redis_port: Input[int]
    bucket_arn: Input[str]
    hosts: Sequence[str] = ()
    origin_tokens: Sequence[Input[str]] = ()
    after: Sequence[Resource] = ()
    topic_arn: Input[str] | None = None


class Process(pulumi.ComponentResource):
    """Security group, role, task definition, the way to it, service (ECS.2, ECS.10).

    How a release follows another is :mod:`infra.targets.aws.service`.
    """

    service_arn: Output[str]
    service_name: Output[str]
    task_definition_arn: Output[str]
    security_group_id: Output[str]
    route: Route | None

    def __init__(self, name: str, args: ProcessArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("pitchbar:aws:Process", name, None, opts)
        self._args = args
        self._name = args.process.name
        self._opts = ResourceOptions(parent=self)
        group = self._create_security_group()
        ways = self._create_ways(group)
        role = self._create_task_role()
        definition = self._create_task_definition(role)
        self.route = self._create_route(group)
        service = self._create_service(definition, group, ways)
        self.service_arn = service.arn
        self.service_name = service.name
        self.task_definition_arn = definition.arn
        self.security_group_id = group.id
        self.register_outputs(
            {
                "service_arn": self.service_arn,
                "task_definition_arn": self.task_definition_arn,
                "security_group_id": self.security_group_id,
            }
        )

    def _create_security_group(self) -> aws.ec2.SecurityGroup:
        network = self._args.foundation.network
        return task_security_group(
            self._name, vpc_id=network.vpc_id, description=f"Tasks of the {self._name}", opts=self._opts
        )

    def _create_ways(self, group: aws.ec2.SecurityGroup) -> list[Resource]:
        """Where the process may connect to."""
        args, name = self._args, self._name
        ways: list[Resource] = [
            *reach_services(name, source=group.id, network=args.foundation.network, opts=self._opts),
            *allow(
                f"{name}-to-redis",
                source=group.id,
                owner=args.redis_security_group_id,
                port=args.redis_port,
                opts=self._opts,
            ),
        ]
        if name != "realtime":
            server = args.foundation.database_server
            ways += allow(
                f"{name}-to-postgres",
                source=group.id,
                owner=server.security_group_id,
                port=server.port,
                opts=self._opts,
            )
        return ways + [self._create_way_out(group, port, why) for port, why in self._outside().items()]

    def _outside(self) -> dict[int, str]:
        """Ports outside the network that the process needs, and why. Only the crawler's are open everywhere; the others
        are there with what the model asks for."""
        wanted = self._args.plan.environment
        found = told(wanted.telemetry)
        if self._name == "app" and wanted.runtime == "laravel":
            found[HTTPS] = "answers are streamed from a language model, and broadcast by the realtime host name"
        if self._name == "worker":
            found |= dict.fromkeys((_HTTP, HTTPS), "the crawler fetches the websites of customers")
        return found

    def _create_way_out(self, group: aws.ec2.SecurityGroup, port: int, why: str) -> Resource:
        return aws.vpc.SecurityGroupEgressRule(
            f"{self._name}-to-internet-{port}",
            security_group_id=group.id,
            cidr_ipv4="0.0.0.0/0",
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            description=f"Open: {why}",
            opts=self._opts,
        )

    def _create_task_role(self) -> GrantedRole:
        """Files are for the app and the worker."""
        bucket = self._args.bucket_arn
        files = [
            allowing(["s3:ListBucket"], [bucket]),
            allowing(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], [Output.concat(bucket, "/*")]),
            allowing(["kms:Decrypt", "kms:GenerateDataKey"], [self._args.foundation.keys.data_key_arn]),
        ]
        statements = files if self._name != "realtime" else []
        return self._args.runtime.create_task_role(self._name, statements=statements, opts=self._opts)

    def _create_task_definition(self, role: GrantedRole) -> aws.ecs.TaskDefinition:
        args = self._args
        process, plan = args.process, args.plan
        running = plan.runtime.processes[process.name]
        port = process.port if isinstance(process, model.Served) else 0
        command = filled(running.command, port)
        container = replace(
            args.runtime.container(process.name, command, self._own_variables(running.variables)),
            port=port,
            health=question(process, plan.environment.runtime),
            start=running.ready_timeout,
            stop_timeout=running.stop_timeout,
        )
        return args.runtime.create_task_definition(process.name, container, size_of(process), role, self._opts)

    def _own_variables(self, variables: Mapping[str, str]) -> dict[str, Input[str]]:
        if self._name != "worker":
            return dict(variables)
        backlog = self._args.plan.environment.processes.worker.scaling.backlog
        return {
            **variables,
            **wiring.pool_variables(1, 1, backlog),  # A task is one worker: how many there are is the service's.
            "CANARY_QUEUE": wiring.canary_queue(self._args.plan.release),
            "HEARTBEAT_FILE": HEARTBEAT,
        }

    def _create_route(self, group: aws.ec2.SecurityGroup) -> Route | None:
        args = self._args
        if not isinstance(args.process, model.Served):
            return None
        return Route(
            f"{self._name}-route",
            RouteArgs(
                process=args.process,
                hosts=args.hosts,
                origin_tokens=args.origin_tokens,
                network=args.foundation.network,
                load_balancer=args.foundation.load_balancer,
                security_group_id=group.id,
                spare=is_switched(args.plan, args.process),
            ),
            self._opts,
        )

    def _create_alarm(self) -> list[Input[str]]:
        """Errors that visitors see, which also take a release back."""
        if self.route is None or self._args.topic_arn is None:
            return []
        balancer, groups = self._args.foundation.load_balancer.arn_suffix, self.route.suffixes
        alarm = create_alarm(failing(self._name, balancer, groups, [self._args.topic_arn]), self._opts)
        return [alarm.name]

    def _create_service(
        self, definition: aws.ecs.TaskDefinition, group: aws.ec2.SecurityGroup, ways: Sequence[Resource]
    ) -> aws.ecs.Service:
        return create_service(
            ServiceArgs(
                plan=self._args.plan,
                process=self._args.process,
                foundation=self._args.foundation,
                task_definition_arn=definition.arn,
                security_group_id=group.id,
                route=self.route,
                alarm_names=self._create_alarm(),
                after=[*ways, *self._args.after],
            ),
            self._opts,
        )


def filled(command: Sequence[str], port: int) -> list[str]:
    """The command with the address that the process listens on inside its task."""
    values = {"{listen}": f"{_EVERY_ADDRESS}:{port}", "{host}": _EVERY_ADDRESS, "{port}": str(port)}
    for placeholder, value in values.items():
        command = [word.replace(placeholder, value) for word in command]
    return list(command)


def told(telemetry: model.Telemetry) -> dict[int, str]:
    """The ports that traces and errors go out by. A collector on the task itself needs none."""
    addresses = {"traces are told to a collector": telemetry.otlp_endpoint, "errors are told": telemetry.sentry_dsn}
    found = {}
    for why, address in addresses.items():
        parts = urlsplit(address or "")
        if parts.hostname and parts.hostname not in ("localhost", "127.0.0.1"):
            found[parts.port or (HTTPS if parts.scheme == "https" else _HTTP)] = why
    return found
