"""Every value of the model reaches the AWS target, or is listed here with the reason.

The environment that is landed notes which of its values are read, so nothing is handled by being written down.
"""

from __future__ import annotations

import dataclasses
from typing import Any
from unittest.mock import patch

import pytest

from infra import load
from infra.model import Environment
from tests.support.aws.program import STACKS, evaluate
from tests.targets.test_model_coverage import is_listed, leaves, watched

UNUSED = {
    "purpose": "It is for people.",
    "processes.worker.health.interval": "ECS watches the worker's process itself; the age of its jobs has an alarm.",
    "processes.worker.health.timeout": "ECS watches the worker's process itself; the age of its jobs has an alarm.",
    "processes.worker.job_timeout": "The bundled worker has one kind of job, whose time is its own.",
    "redis.version": "Engine and parameter group are those of 7, the only one that the model allows.",
    "vectors.store": "Vectors are in PostgreSQL, the only store that the model allows.",
}


@pytest.fixture(scope="module")
def read() -> set[str]:
    found: set[str] = set()
    real = load.environment

    def environment(*arguments: Any) -> Environment:
        copy: Environment = watched(real(*arguments), found)
        return copy

    def laravel(*arguments: Any) -> Environment:
        copy: Environment = watched(dataclasses.replace(real(*arguments), runtime="laravel"), found)
        return copy

    with patch.object(load, "environment", environment):
        for stack in STACKS:
            evaluate(stack, {})
    with patch.object(load, "environment", laravel):
        evaluate("staging", {"image": f"ghcr.io/pitchbar/pitchbar@sha256:{'ab' * 32}"})
    return found


def test_every_value_is_used_or_listed_with_a_reason(read: set[str]) -> None:
    unused = {path for path in leaves(Environment) if path not in read}
    assert {path for path in unused if not any(is_listed(path, pattern) for pattern in UNUSED)} == set()


def test_nothing_is_listed_that_is_used_or_no_longer_there(read: set[str]) -> None:
    every = set(leaves(Environment))
    for pattern, reason in UNUSED.items():
        listed = {path for path in every if is_listed(path, pattern)}
        assert listed, f"{pattern} is not in the model"
        assert listed & read == set(), f"{pattern} is used"
        assert reason[0].isupper() and reason.endswith(".")
