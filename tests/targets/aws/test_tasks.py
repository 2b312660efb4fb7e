"""The tasks and services of the AWS target."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra import wiring
from infra.targets.aws.authority import certificate
from infra.targets.aws.sizes import LONGEST_STOP
from tests.support.aws import documents
from tests.support.aws.compute import KEY, PLANTED, RELEASE, SECRET, compute
from tests.support.aws.doubles import ACCOUNT, DIGEST, REGION, CloudDouble
from tests.support.engine import Recording, Registered

DEFINITION, SERVICE = "aws:ecs/taskDefinition:TaskDefinition", "aws:ecs/service:Service"
ROLE_POLICY, EGRESS = "aws:iam/rolePolicy:RolePolicy", "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
ENVIRONMENTS = ("preview", "staging", "production")
PROCESSES = ("app", "worker", "realtime")


def named(recording: Recording, type: str, name: str) -> Registered:
    [found] = [resource for resource in recording.of(type) if resource.name == name]
    return found


def container(recording: Recording, name: str) -> dict[str, Any]:
    [only] = json.loads(named(recording, DEFINITION, name).inputs["containerDefinitions"])
    return dict(only)


def granted(recording: Recording, role: str) -> set[tuple[str, str]]:
    document = json.loads(named(recording, ROLE_POLICY, role).inputs["policy"])
    return {
        (action, resource)
        for statement in document["Statement"]
        for action in statement["Action"]
        for resource in statement["Resource"]
    }


def test_the_apps_container_is_this() -> None:
    key, database, cache = (f"{SECRET}:{name}::1" for name in ("KEY", "DB", "REDIS"))
    found = container(compute("production"), "app")
    assert found["logConfiguration"]["options"].pop("awslogs-group").startswith("pitchbar-st-tasks-")
    assert found == {
        "name": "app",
        "image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/image@{DIGEST}",
        "command": [
            *("sh", "-ceu", 'printf "%s" "$DB_AUTHORITY" > "$PGSSLROOTCERT"; exec "$@"', "sh"),
            *("python", "-m", "pitchbar_app", "web", "--listen", "0.0.0.0:8000"),
        ],
        "essential": True,
        "user": "10001:10001",
        "privileged": False,
        "readonlyRootFilesystem": True,
        "linuxParameters": {"initProcessEnabled": True, "capabilities": {"drop": ["ALL"]}},
        "environment": [
            {"name": "APP_ENV", "value": "production"},
            {"name": "APP_PROCESS", "value": "app"},
            {"name": "APP_RELEASE", "value": RELEASE},
            {"name": "DB_AUTHORITY", "value": certificate(REGION)},
            {"name": "DB_CONNECTION", "value": "pgsql"},
            {"name": "DB_DATABASE", "value": "pitchbar"},
            {"name": "DB_HOST", "value": "db.example.com"},
            {"name": "DB_PORT", "value": "5433"},
            {"name": "DB_SSLMODE", "value": "verify-full"},
            {"name": "DB_USERNAME", "value": "app"},
            {"name": "PGSSLROOTCERT", "value": "/dev/shm/database-authority.pem"},
            {"name": "QUEUE_CONNECTION", "value": "redis"},
            {"name": "REDIS_HOST", "value": "redis.example.com"},
            {"name": "REDIS_PORT", "value": "6379"},
            {"name": "REDIS_SCHEME", "value": "tls"},
            {"name": "REVERB_APP_ID", "value": wiring.REALTIME_APP_ID},
            {"name": "STOP_TIMEOUT", "value": "30"},
            {"name": "TRUSTED_PROXIES", "value": "10.20.0.0/16"},
        ],
        "secrets": [
            {"name": "ADMIN_PASSWORD", "valueFrom": key},
            {"name": "APP_KEY", "valueFrom": key},
            {"name": "DB_PASSWORD", "valueFrom": database},
            {"name": "INTERNAL_QUEUE_TOKEN", "valueFrom": key},
            {"name": "REDIS_PASSWORD", "valueFrom": cache},
            {"name": "REVERB_APP_KEY", "valueFrom": key},
            {"name": "REVERB_APP_SECRET", "valueFrom": key},
        ],
        "portMappings": [{"containerPort": 8000, "hostPort": 8000, "protocol": "tcp"}],
        "mountPoints": [
            {"sourceVolume": "tmp", "containerPath": "/tmp", "readOnly": False},
            {"sourceVolume": "session-state", "containerPath": "/var/lib/amazon", "readOnly": False},
            {"sourceVolume": "session-log", "containerPath": "/var/log/amazon", "readOnly": False},
        ],
        "stopTimeout": 30,
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-region": REGION,
                "awslogs-stream-prefix": "app",
                "mode": "non-blocking",
                "max-buffer-size": "10m",
            },
        },
        "healthCheck": {
            "command": [
                "CMD-SHELL",
                "test -e /tmp/ready || "
                "{ python -m pitchbar_app healthy http://127.0.0.1:8000/ready && touch /tmp/ready; }",
            ],
            "interval": 5,
            "timeout": 5,
            "retries": 3,
            "startPeriod": 60,
        },
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_document_is_right(environment: str) -> None:
    recording = compute(environment)
    assert documents.problems(recording) == []
    assert {"containers", "identity policy", "lifecycle", "trust policy"} <= documents.kinds(recording)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("process", [*PROCESSES, "migration"])
def test_every_task_is_hardened_and_has_no_planted_secret(environment: str, process: str) -> None:
    definition = named(compute(environment), DEFINITION, process)
    found = container(compute(environment), process)
    assert found["readonlyRootFilesystem"] and found["user"] == "10001:10001" and not found["privileged"]
    assert found["stopTimeout"] <= LONGEST_STOP
    assert definition.inputs["networkMode"] == "awsvpc" and definition.secrets == frozenset()
    assert PLANTED not in json.dumps(found)
    assert not wiring.SECRETS & {item["name"] for item in found["environment"]}


def test_each_process_gets_only_the_secrets_that_it_reads() -> None:
    recording = compute("production")
    secrets = {
        name: {item["name"] for item in container(recording, name)["secrets"]} for name in (*PROCESSES, "migration")
    }
    assert secrets["migration"] == {"DB_PASSWORD"}
    assert secrets["realtime"] == {"REDIS_PASSWORD", "REVERB_APP_KEY", "REVERB_APP_SECRET"}
    assert secrets["worker"] == {"APP_KEY", "DB_PASSWORD", "REDIS_PASSWORD"}


def test_a_worker_has_time_for_its_job_and_a_canary_queue_of_its_release() -> None:
    worker = container(compute("production"), "worker")
    environment = {item["name"]: item["value"] for item in worker["environment"]}
    assert worker["stopTimeout"] == 120
    assert environment["CANARY_QUEUE"] == f"canary-{RELEASE}"
    assert worker["healthCheck"]["command"] == ["CMD-SHELL", "python -m pitchbar_app healthy worker"]
    assert environment["HEARTBEAT_FILE"] == "/tmp/worker"


def test_the_execution_role_may_do_this_and_nothing_else() -> None:
    recording = compute("production")
    image = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/image"
    log = named(recording, "aws:cloudwatch/logGroup:LogGroup", "tasks").urn
    assert log in recording.needs(named(recording, ROLE_POLICY, "execution").urn)
    found = granted(recording, "execution")
    assert {action for action, resource in found if resource.endswith(":*")} == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    }
    assert {(action, resource) for action, resource in found if not resource.endswith(":*")} == {
        ("ecr:GetAuthorizationToken", "*"),
        ("ecr:BatchCheckLayerAvailability", image),
        ("ecr:BatchGetImage", image),
        ("ecr:GetDownloadUrlForLayer", image),
        ("secretsmanager:GetSecretValue", SECRET),
        ("kms:Decrypt", KEY),
    }


def test_files_are_for_app_and_worker_only() -> None:
    recording = compute("production")
    allowed = {
        name: {action for action, _ in granted(recording, f"{name}-task") if action.startswith("s3:")}
        for name in (*PROCESSES, "migration")
    }
    assert allowed["realtime"] == allowed["migration"] == set()
    assert allowed["app"] == allowed["worker"] == {
        "s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject",
    }  # fmt: skip


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_crawler_is_the_only_open_way_out_and_says_so(environment: str) -> None:
    ways = [way for way in compute(environment).of(EGRESS) if "cidrIpv4" in way.inputs]
    assert {(way.name, way.inputs["cidrIpv4"], way.inputs["fromPort"]) for way in ways} == {
        ("worker-to-internet-80", "0.0.0.0/0", 80),
        ("worker-to-internet-443", "0.0.0.0/0", 443),
    }
    assert {way.inputs["description"] for way in ways} == {"Open: the crawler fetches the websites of customers"}
    for group in compute(environment).of("aws:ec2/securityGroup:SecurityGroup"):
        assert not {"ingress", "egress"} & group.inputs.keys(), group.name


def test_who_connects_to_what() -> None:
    rules = compute("staging").of("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
    assert {(rule.name, rule.inputs["securityGroupId"], rule.inputs["fromPort"]) for rule in rules} == {
        ("app-to-postgres", "sg-postgres", 5433),
        ("worker-to-postgres", "sg-postgres", 5433),
        ("migration-to-postgres", "sg-postgres", 5433),
        ("app-to-redis", "sg-redis", 6379),
        ("worker-to-redis", "sg-redis", 6379),
        ("realtime-to-redis", "sg-redis", 6379),
        ("queue-probe-to-redis", "sg-redis", 6379),
        ("load-balancer-to-app", group_of("staging", "app"), 8000),
        ("load-balancer-to-realtime", group_of("staging", "realtime"), 8080),
    }


@pytest.mark.parametrize("environment", ["preview", "staging", "production"])
def test_larger_sizes_are_given_and_said(environment: str) -> None:
    recording = compute(environment)
    got = {
        name: tuple(named(recording, DEFINITION, name).inputs[key] for key in ("cpu", "memory")) for name in PROCESSES
    }
    large = {"app": ("2048", "4096"), "worker": ("2048", "4096"), "realtime": ("1024", "2048")}
    small = {"app": ("512", "1024"), "worker": ("512", "1024"), "realtime": ("256", "512")}
    assert got == (small if environment == "preview" else large)


def group_of(environment: str, name: str) -> str:
    group = named(compute(environment), "aws:ec2/securityGroup:SecurityGroup", name)
    return str(CloudDouble().create(group.type, group.name, {})[0])
