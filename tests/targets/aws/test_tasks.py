"""The tasks and services of the AWS target."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.aws import documents
from tests.support.aws.compute import RELEASE, SECRET, compute
from tests.support.aws.doubles import ACCOUNT, DIGEST, REGION
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
        "command": ["python", "-m", "pitchbar_app", "web", "--listen", "0.0.0.0:8000"],
        "essential": True,
        "user": "10001:10001",
        "privileged": False,
        "readonlyRootFilesystem": True,
        "linuxParameters": {"initProcessEnabled": True, "capabilities": {"drop": ["ALL"]}},
        "environment": [
            {"name": "APP_ENV", "value": "production"},
            {"name": "APP_PROCESS", "value": "app"},
            {"name": "APP_RELEASE", "value": RELEASE},
            {"name": "DB_CONNECTION", "value": "pgsql"},
            {"name": "DB_DATABASE", "value": "pitchbar"},
            {"name": "DB_HOST", "value": "db.example.com"},
            {"name": "DB_PORT", "value": "5433"},
            {"name": "DB_SSLMODE", "value": "require"},
            {"name": "DB_USERNAME", "value": "app"},
            {"name": "QUEUE_CONNECTION", "value": "redis"},
            {"name": "REDIS_HOST", "value": "redis.example.com"},
            {"name": "REDIS_PORT", "value": "6379"},
            {"name": "REDIS_SCHEME", "value": "tls"},
            {"name": "REVERB_APP_ID", "value": "pitchbar"},
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
