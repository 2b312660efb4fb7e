"""The database of each environment: the task that makes it, and whoever may not."""

import json
from typing import Any

import pytest

from infra.targets.aws import authority
from infra.targets.aws.database_script import LIBPQ, SCRIPT
from tests.support.aws.doubles import ACCOUNT, REGION
from tests.support.aws.stores import OWN, PULL_REQUEST, REGISTRY, SERVER, named, statements, stores
from tests.support.engine import Registered

STACKS = (*OWN, PULL_REQUEST)
RESOURCE = "pitchbar:aws:Database"


def task(stack: str) -> Registered:
    return next(each for each in stores(stack).of("aws:ecs/taskDefinition:TaskDefinition") if each.name == "database")


def container(stack: str) -> dict[str, Any]:
    [found] = json.loads(task(stack).inputs["containerDefinitions"])
    return dict(found)


def made(stack: str) -> Registered:
    return next(each for each in stores(stack).of(RESOURCE) if each.custom)


@pytest.mark.parametrize("stack", STACKS)
def test_its_container_is_psql_with_nothing_secret_in_the_open(stack: str) -> None:
    recording = stores(stack)
    name = "pitchbar" if stack in OWN else "pitchbar_pr_12"
    address = recording.outputs["address"] if stack in OWN else SERVER.address
    master = recording.outputs["master_secret_arn"]
    log = container(stack)["logConfiguration"]["options"]["awslogs-group"]
    plain = {**LIBPQ, "DATABASE_NAME": name, "PGHOST": address, "PGPORT": "5433", "PGSSLMODE": "verify-full"}
    plain |= {"PGSSLROOTCERT": authority.FILE, "DB_AUTHORITY": authority.certificate(REGION)}
    secret = {
        "DATABASE_PASSWORD": recording.outputs["DB_PASSWORD"],
        "PGPASSWORD": f"{master}:password::",
        "PGUSER": f"{master}:username::",
    }
    assert container(stack) == {
        "name": "database",
        "image": REGISTRY.postgres_image,
        "command": ["sh", "-ceu", SCRIPT],
        "essential": True,
        "user": "10001:10001",
        "privileged": False,
        "readonlyRootFilesystem": True,
        "linuxParameters": {"initProcessEnabled": True, "capabilities": {"drop": ["ALL"]}},
        "environment": [{"name": key, "value": plain[key]} for key in sorted(plain)],
        "secrets": [{"name": key, "valueFrom": secret[key]} for key in sorted(secret)],
        "portMappings": [],
        "mountPoints": [],
        "stopTimeout": 30,
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": log,
                "awslogs-region": REGION,
                "awslogs-stream-prefix": "database",
                "mode": "non-blocking",
                "max-buffer-size": "10m",
            },
        },
    }
    assert f"-{stack}-database-" in log


@pytest.mark.parametrize("stack", STACKS)
def test_the_task_is_the_smallest_and_has_no_rights_of_its_own(stack: str) -> None:
    inputs = task(stack).inputs
    assert task(stack).secrets == frozenset(), "a definition without values can be read in a diff"
    assert {key: inputs[key] for key in inputs if key not in ("containerDefinitions", "executionRoleArn")} == {
        "family": f"pitchbar-{stack}-database",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "runtimePlatform": {"operatingSystemFamily": "LINUX", "cpuArchitecture": "X86_64"},
    }


@pytest.mark.parametrize("stack", STACKS)
def test_ecs_may_read_for_it_these_secrets_and_no_others(stack: str) -> None:
    recording = stores(stack)
    policy = statements(named(recording, "RolePolicy")["database-execution"].inputs["policy"])
    allowed = {statement["Action"][0]: statement for statement in policy.values()}
    [environment] = [each for each in recording.outputs["readable"] if "-environment-" in each]
    assert allowed["secretsmanager:GetSecretValue"]["Resource"] == [recording.outputs["master_secret_arn"], environment]
    assert allowed["kms:Decrypt"]["Resource"] == [recording.outputs["data_key_arn"]]
    assert allowed["kms:Decrypt"]["Condition"] == {
        "StringEquals": {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}
    }
    assert allowed["ecr:BatchCheckLayerAvailability"]["Resource"] == [
        f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/postgres"
    ]
    assert allowed["ecr:GetAuthorizationToken"]["Resource"] == ["*"]
    [log] = allowed["logs:CreateLogStream"]["Resource"]
    assert "-database-" in log and log.endswith(":*")
    assert set(allowed) == {
        "ecr:BatchCheckLayerAvailability",
        "ecr:GetAuthorizationToken",
        "kms:Decrypt",
        "logs:CreateLogStream",
        "secretsmanager:GetSecretValue",
    }


@pytest.mark.parametrize("stack", STACKS)
def test_the_task_runs_inside_the_network_once_its_way_is_open(stack: str) -> None:
    recording = stores(stack)
    inputs = made(stack).inputs
    [group] = inputs["security_groups"]
    assert inputs == {
        "region": REGION,
        "cluster": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/tasks",
        "task_definition": inputs["task_definition"],
        "container": "database",
        "subnets": ["subnet-private-a", "subnet-private-b"],
        "security_groups": [group],
        "log_group": container(stack)["logConfiguration"]["options"]["awslogs-group"],
        "log_prefix": "database",
        "timeout": 300,
        "name": recording.outputs["database"],
        "retain": stack in OWN,
    }
    ways = {each.name: each for each in recording if each.type.startswith("aws:vpc/") and "database" in each.name}
    assert set(ways) == {"database-to-postgres", "database-to-s3", "database-to-services"}
    for each in recording:
        if each.type.startswith("aws:vpc/") and each.name.startswith("database-to-"):
            assert each.urn in made(stack).dependencies, each.name
    assert named(recording, "RolePolicy")["database-execution"].urn in recording.needs(made(stack).urn)


@pytest.mark.parametrize("stack", STACKS)
def test_it_reaches_the_server_and_nothing_but_what_ecs_needs(stack: str) -> None:
    recording = stores(stack)
    server = recording.outputs["security_group_id"]
    found = {
        (each.type.rpartition(":")[2], each.inputs.get("referencedSecurityGroupId") or each.inputs.get("prefixListId"),
         each.inputs["fromPort"], each.inputs["toPort"])
        for each in recording if each.type.startswith("aws:vpc/") and each.name.startswith("database-to-")
    }  # fmt: skip
    [group] = made(stack).inputs["security_groups"]
    assert found == {
        ("SecurityGroupEgressRule", server, 5433, 5433),
        ("SecurityGroupIngressRule", group, 5433, 5433),
        ("SecurityGroupEgressRule", "pl-s3", 443, 443),
        ("SecurityGroupEgressRule", "sg-endpoints", 443, 443),
    }


@pytest.mark.parametrize("stack", STACKS)
def test_another_version_of_the_password_runs_it_again(stack: str) -> None:
    recording = stores(stack)
    version = next(
        each for each in recording.of("aws:secretsmanager/secretVersion:SecretVersion") if each.name == "environment"
    )
    assert version.urn in task(stack).sources["containerDefinitions"]
    assert task(stack).urn in made(stack).sources["task_definition"]


def test_only_productions_refuses_to_be_deleted() -> None:
    assert {stack: made(stack).options.protect for stack in STACKS} == {
        "production": True,
        "staging": False,
        PULL_REQUEST: False,
    }
