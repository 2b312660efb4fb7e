"""A cluster of moto, in which the plugin's tasks run: its answers are AWS' shapes, and its tasks end by themselves."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ecs.models import Task, ecs_backends

from infra.provider.aws import session, task

REGION = "us-east-1"


@dataclass
class Cluster:
    """A cluster with a network and one task definition."""

    arn: str
    task_definition: str
    subnet: str
    security_group: str
    log_group: str

    def arguments(self, **changes: Any) -> dict[str, Any]:
        """The arguments of a one-off task in it."""
        return {
            "region": REGION,
            "cluster": self.arn,
            "task_definition": self.task_definition,
            "container": "migration",
            "subnets": (self.subnet,),
            "security_groups": (self.security_group,),
            "log_group": self.log_group,
            "log_prefix": "migration",
            "timeout": 20,
            **changes,
        }

    @property
    def tasks(self) -> list[Task]:
        """The tasks that were started, the first one first."""
        return list(ecs_backends[DEFAULT_ACCOUNT_ID][REGION].tasks.get("pitchbar", {}).values())


@dataclass
class Behaviour:
    """What tasks log, and the exit code of their container."""

    lines: list[str] = field(default_factory=lambda: [json.dumps({"from": None, "to": "0002"})])
    code: int = 0
    started: Callable[[], None] = lambda: None


@pytest.fixture
def behaviour() -> Behaviour:
    """Tasks that say their revision and end with 0, until a test changes it."""
    return Behaviour()


@pytest.fixture
def cluster(behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """The cluster, whose tasks behave as told."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setattr(task, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(task, "_LOG_SECONDS", 0.0)
    session.client.cache_clear()
    with mock_aws():
        made = make()
        _behave(behaviour, made, monkeypatch)
        yield made
    session.client.cache_clear()


def _behave(behaviour: Behaviour, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = Task.__init__

    def begun(self: Task, *arguments: Any, **named: Any) -> None:
        begin(self, *arguments, **named)
        self.containers[0].exitCode = behaviour.code
        stream = f"migration/migration/{self.task_arn.rpartition('/')[2]}"
        logs = boto3.client("logs", region_name=REGION)
        logs.create_log_stream(logGroupName=cluster.log_group, logStreamName=stream)
        now = int(time.time() * 1000)
        events = [{"timestamp": now + number, "message": line} for number, line in enumerate(behaviour.lines)]
        logs.put_log_events(logGroupName=cluster.log_group, logStreamName=stream, logEvents=events)
        behaviour.started()

    monkeypatch.setattr(Task, "__init__", begun)


def make(name: str = "pitchbar", stack: str = "staging") -> Cluster:
    """A cluster, with the task definition of a stack's migration."""
    ec2, ecs = boto3.client("ec2", region_name=REGION), boto3.client("ecs", region_name=REGION)
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.0.0/20")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="tasks", Description="tasks", VpcId=vpc)["GroupId"]
    definition = ecs.register_task_definition(
        family=f"pitchbar-{stack}-migration",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "migration", "image": "pitchbar", "memory": 512}],
    )["taskDefinition"]["taskDefinitionArn"]
    boto3.client("logs", region_name=REGION).create_log_group(logGroupName=name)
    arn = ecs.create_cluster(clusterName=name)["cluster"]["clusterArn"]
    return Cluster(arn, definition, subnet, group, name)
