"""The definition of a task's one container, as ECS reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulumi import Input

from infra.targets.aws.health import Question, health_check
from infra.targets.aws.sizes import LONGEST_STOP

USER = "10001:10001"
"""Whom every process runs as; the image needs no such user by name."""

WRITABLE = {"tmp": "/tmp", "session-state": "/var/lib/amazon", "session-log": "/var/log/amazon"}
"""The volumes of a task, by name: its scratch space, and what the agent of operators' sessions (ECS Exec) writes. All
else is read-only. Fargate has no tmpfs, and gives a volume the owner and the mode that the image has there."""


@dataclass(frozen=True, kw_only=True)
class Container:
    """What differs between tasks. ``secrets``: environment variable → what ECS reads it from. ``port`` 0: it doesn't
    listen. ``start``: seconds within which it must have been healthy once."""

    name: str
    image: Input[str]
    command: Sequence[str]
    environment: Mapping[str, Input[str]]
    secrets: Mapping[str, Input[str]]
    log_group: Input[str]
    region: str
    port: int = 0
    health: Question | None = None
    start: int = 60
    stop_timeout: int = 30


def definition(container: Container) -> dict[str, Any]:
    """The same container gives the same definition (ECS.4, ECS.5, ECS.8, ECS.9; CKV_AWS_336)."""
    port = container.port
    return {
        "name": container.name,
        "image": container.image,
        "command": list(container.command),
        "essential": True,
        "user": USER,
        "privileged": False,
        "readonlyRootFilesystem": True,
        "linuxParameters": {"initProcessEnabled": True, "capabilities": {"drop": ["ALL"]}},
        "environment": [{"name": name, "value": value} for name, value in sorted(container.environment.items())],
        "secrets": [{"name": name, "valueFrom": source} for name, source in sorted(container.secrets.items())],
        "portMappings": [{"containerPort": port, "hostPort": port, "protocol": "tcp"}] if port else [],
        "mountPoints": [
            {"sourceVolume": name, "containerPath": path, "readOnly": False} for name, path in WRITABLE.items()
        ],
        "stopTimeout": min(container.stop_timeout, LONGEST_STOP),
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": container.log_group,
                "awslogs-region": container.region,
                "awslogs-stream-prefix": container.name,
                # Else a process that logs waits while the log's service is away.
                "mode": "non-blocking",
                "max-buffer-size": "10m",
            },
        },
        **({"healthCheck": health_check(container.health, container.start)} if container.health else {}),
    }
