"""A staging stack on moto, tagged and named as the program makes it, and the command on it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID

from infra import paths
from infra.cli import main
from infra.ops import stacks
from infra.ops.aws.place import Place, place_of
from infra.provider.aws import session

ACCOUNT, REGION = DEFAULT_ACCOUNT_ID, "us-east-1"
ID = "0123456789abcdef0123456789abcdef"
CONFIGURATION = f"""\
config:
  pitchbar:environment: staging
  pitchbar:target: aws
  pitchbar:domain: staging.pitchbar.com
  pitchbar:account: "{ACCOUNT}"
  pitchbar:zone: {ID}
  pitchbar:cloudflare-account: {ID}
"""
TAGS = {"Project": "pitchbar", "Stack": "staging"}
DATABASE = "pitchbar-staging-postgres-0a1b2c"


def pairs(key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """The stack's tags in the spelling of a service."""
    return [{key: name, value: text} for name, text in TAGS.items()]


@dataclass
class Account:
    """What the tests change of the stack in the cloud."""

    root: Path
    services: dict[str, str] = field(default_factory=dict)
    """The name of each process' service on AWS."""
    log_group: str = "pitchbar-staging-tasks-0a1b2c"

    def client(self, name: str) -> Any:
        """The client that the commands have, so that a Stubber on it answers them."""
        return session.client(name, REGION)

    def run(self, *arguments: str, stack: str = "staging") -> Result:
        """Run the command."""
        return CliRunner().invoke(main, [*arguments, "-s", stack])

    def place(self) -> Place:
        """Where the stack is."""
        return place_of(stacks.known("staging"))

    def write(self, stream: str, *lines: tuple[int, str], group: str = "") -> None:
        """Log lines, each with its time in ms."""
        logs, name = self.client("logs"), group or self.log_group
        known = logs.describe_log_streams(logGroupName=name, logStreamNamePrefix=stream)["logStreams"]
        if not known:
            logs.create_log_stream(logGroupName=name, logStreamName=stream)
        events = [{"timestamp": at, "message": text} for at, text in lines]
        logs.put_log_events(logGroupName=name, logStreamName=stream, logEvents=events)


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An account in which staging is up: three services, a database, logs."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("PITCHBAR_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(paths, "project_root", lambda: tmp_path)
    (tmp_path / "Pulumi.staging.yaml").write_text(CONFIGURATION)
    with mock_aws():
        yield _made(tmp_path)


def _made(root: Path) -> Account:
    account = Account(root)
    ecs = session.client("ecs", REGION)
    cluster = ecs.create_cluster(clusterName="pitchbar-staging-cluster-0a1b2c")["cluster"]["clusterArn"]
    for number, process in enumerate(("app", "worker", "realtime")):
        definition = register(process, "r1")
        name = f"pitchbar-staging-{process}-{number}a1b2c"
        account.services[process] = name
        ecs.create_service(
            cluster=cluster, serviceName=name, taskDefinition=definition, desiredCount=2, tags=pairs("key", "value")
        )
        settle(account, process)
    rds = session.client("rds", REGION)
    subnets = [item["SubnetId"] for item in session.client("ec2", REGION).describe_subnets()["Subnets"][:2]]
    rds.create_db_subnet_group(DBSubnetGroupName="data", DBSubnetGroupDescription="data", SubnetIds=subnets)
    rds.create_db_instance(
        DBInstanceIdentifier=DATABASE, DBInstanceClass="db.t4g.medium", Engine="postgres", AllocatedStorage=50,
        MasterUsername="x", MasterUserPassword="not-a-secret", BackupRetentionPeriod=30, DeletionProtection=True,
        MultiAZ=True, Tags=pairs(), DBSubnetGroupName="data",
    )  # fmt: skip
    logs = session.client("logs", REGION)
    for name in (account.log_group, "pitchbar-staging-queue-probe-0a1b2c", f"/aws/rds/instance/{DATABASE}/postgresql"):
        logs.create_log_group(logGroupName=name, tags=TAGS)
    logs.create_log_group(logGroupName="pitchbar-production-tasks-0a1b2c", tags={**TAGS, "Stack": "production"})
    return account


def register(process: str, release: str) -> str:
    """A revision of a process' task definition, as the program renders it; its ARN."""
    container = {
        "name": process,
        "image": "pitchbar",
        "memory": 512,
        "environment": [{"name": "APP_ENV", "value": "staging"}, {"name": "APP_RELEASE", "value": release}],
    }
    answer = session.client("ecs", REGION).register_task_definition(
        family=f"pitchbar-staging-{process}", containerDefinitions=[container]
    )
    return str(answer["taskDefinition"]["taskDefinitionArn"])


def settle(account: Account, process: str, running: int = 2, state: str = "COMPLETED", reason: str = "") -> None:
    """What moto never does by itself: a service's tasks run, its roll-out ends."""
    from moto.ecs.models import ecs_backends

    backend = ecs_backends[ACCOUNT][REGION]
    service = next(item for item in backend.services.values() if item.name == account.services[process])
    service.running_count = running
    primary = next(item for item in service.deployments if item["status"] == "PRIMARY")
    primary["taskDefinition"] = service.task_definition
    primary.update(rolloutState=state, rolloutStateReason=reason, runningCount=running)


def document(result: Result) -> dict[str, Any]:
    """The one JSON document of a command."""
    found: dict[str, Any] = json.loads(result.stdout)
    return found
