"""Every value of the model reaches the local target, is judged by its capabilities, or is listed here with the reason.

The environment that is landed notes which of its values are read, so nothing is handled by being written down.
"""

import dataclasses
import typing
from collections.abc import Iterator
from typing import Any

import pytest

from infra.capabilities import check_capabilities
from infra.load import environment, load
from infra.model import Environment
from infra.targets.local import TARGET
from tests.targets.conftest import ENVIRONMENTS, landed

UNUSED = {
    "purpose": "It is for people.",
    "protect": "`pitchbar down` asks before it removes an environment on this machine.",
    "network.cidr": "Everything listens on 127.0.0.1.",
    "processes.*.cpu": "Processes share this machine's cores.",
    "processes.*.memory": "Processes share this machine's memory.",
    "processes.app.scaling.cpu": "It sets when autoscaling acts, which the target lacks.",
    "processes.app.scaling.requests": "It sets when autoscaling acts, which the target lacks.",
    "processes.*.health.interval": "Supervisor notices an ended process at once.",
    "processes.*.health.timeout": "Supervisor notices an ended process at once.",
    "processes.app.port": "A process listens on a unix socket here.",
    "processes.realtime.port": "A process listens on a unix socket here.",
    "processes.app.health_path": "Supervisor watches the process itself; readiness is asked on ready_path.",
    "processes.realtime.health_path": "Supervisor watches the process itself; readiness is asked on ready_path.",
    "processes.worker.job_timeout": "The bundled worker has one kind of job, whose time is its own.",
    "processes.worker.retry_after": "The bundled worker has one kind of job, which nobody repeats.",
    "postgres.version": "Set-up installs 16, the only one that the model allows.",
    "postgres.cpu": "PostgreSQL shares this machine's cores.",
    "redis.version": "Set-up installs 7, the only one that the model allows.",
    "vectors.store": "pgvector is in PostgreSQL, the only one that the model allows.",
    "telemetry.log_retention": "Logs are kept by size on this machine.",
    "telemetry.otlp_endpoint": "No process sends traces yet.",
    "telemetry.sentry_dsn": "No process of the bundled app tells Sentry.",
    "*.laravel": "That runtime needs container images, which the target lacks.",
}


def leaves(cls: type[Any], prefix: str = "") -> Iterator[str]:
    """The path of every value in a dataclass of the model."""
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        hint = hints[field.name]
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            yield from leaves(hint, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}"


def watched(value: Any, read: set[str], prefix: str = "") -> Any:
    """The same values in classes that note what is read of them."""

    def getattribute(self: Any, name: str) -> Any:
        if name in type(value).__dataclass_fields__:
            read.add(f"{prefix}{name}")
        return object.__getattribute__(self, name)

    cls = type(type(value).__name__, (type(value),), {"__getattribute__": getattribute})
    copy: Any = object.__new__(cls)
    for field in dataclasses.fields(value):
        part = getattr(value, field.name)
        wrapped = watched(part, read, f"{prefix}{field.name}.") if dataclasses.is_dataclass(part) else part
        object.__setattr__(copy, field.name, wrapped)
    return copy


@pytest.fixture(scope="module")
def read() -> set[str]:
    found: set[str] = set()
    for name in ENVIRONMENTS:
        wanted = watched(environment(load(), name), found)
        check_capabilities(wanted, TARGET.name, TARGET.capabilities)
        landed(wanted)
    return found


def is_listed(path: str, pattern: str) -> bool:
    parts, wanted = path.split("."), pattern.split(".")
    if wanted[0] == "*":
        return parts[-len(wanted) + 1 :] == wanted[1:]
    return len(parts) == len(wanted) and all(name in ("*", part) for part, name in zip(parts, wanted, strict=True))


def test_the_walk_knows_the_model() -> None:
    every = set(leaves(Environment))
    assert len(every) > 60
    assert {"processes.worker.scaling.backlog", "domains.cdn", "migration.commands.bundled", "name"} <= every


def test_every_value_is_used_or_listed_with_a_reason(read: set[str]) -> None:
    unused = {path for path in leaves(Environment) if path not in read}
    assert {path for path in unused if not any(is_listed(path, pattern) for pattern in UNUSED)} == set()


def test_nothing_is_listed_that_is_used_or_no_longer_there(read: set[str]) -> None:
    every = set(leaves(Environment))
    for pattern in UNUSED:
        listed = {path for path in every if is_listed(path, pattern)}
        assert listed, f"{pattern} is not in the model"
        assert listed & read == set(), f"{pattern} is used"


@pytest.mark.parametrize(("pattern", "reason"), UNUSED.items())
def test_each_reason_is_a_sentence(pattern: str, reason: str) -> None:
    assert reason[0].isupper() or reason.startswith(("`", "pgvector"))
    assert reason.endswith(".")
