"""The project's own program on the AWS target, evaluated without effects: ``program("staging")``.

Each stack is evaluated once in a test process, and every test looks at the same recording.
"""

from __future__ import annotations

import contextlib
import functools
import os
import runpy
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any
from unittest.mock import patch

import yaml

from infra.paths import project_root
from tests.support.aws.doubles import ACCOUNT, CLOUDFLARE_ACCOUNT, ZONE, CloudDouble
from tests.support.engine import Recording, render

BASE = "preview-base"
STACKS = ("staging", "production", BASE, "pr-12")
"""One stack of each kind."""

RELEASED = frozenset(
    {
        "aws:ecs/service:Service",
        "aws:ecs/taskDefinition:TaskDefinition",
        "aws:s3/bucketObjectv2:BucketObjectv2",
        "docker:index/image:Image",
        "pitchbar:aws:FirstTick",
        "pitchbar:aws:Migration",
        "pitchbar:aws:Verification",
    }
)
"""The types that a new release touches, and no others: the real engine proves it in test_real_engine.py."""

EXTRA: Mapping[str, str] = {
    "pitchbar:account": ACCOUNT,
    "pitchbar:zone": ZONE,
    "pitchbar:cloudflare-account": CLOUDFLARE_ACCOUNT,
}
"""The configuration that the tracked files lack, because it differs with whose clouds they are."""


def program(stack: str, **changes: str) -> Recording:
    """What a stack declares. ``changes``: its configuration beyond its tracked file, by key without the namespace."""
    return _program(stack, tuple(sorted(changes.items())))


def file_of(stack: str) -> str:
    """The tracked file that a stack's configuration comes from."""
    return "Pulumi.preview.yaml" if stack.startswith("pr-") else f"Pulumi.{stack}.yaml"


def configuration(stack: str) -> dict[str, str]:
    """A stack's configuration as its tracked file has it, and what everybody adds to it."""
    text = (project_root() / file_of(stack)).read_text(encoding="utf-8")
    tracked: dict[str, Any] = yaml.safe_load(text)["config"]
    return {**EXTRA, **{key: str(value) for key, value in tracked.items()}}


def evaluate(stack: str, changes: Mapping[str, str]) -> Recording:
    """Evaluate a stack's program anew."""
    config = {**configuration(stack), **{f"pitchbar:{key}": value for key, value in changes.items()}}
    base = {BASE: program(BASE).outputs} if stack.startswith("pr-") else {}
    with own_homes():
        return render(lambda: runpy.run_module("stacks.__main__"), stack=stack, config=config, double=CloudDouble(base))


@functools.cache
def _program(stack: str, changes: tuple[tuple[str, str], ...]) -> Recording:
    return evaluate(stack, dict(changes))


@contextlib.contextmanager
def own_homes() -> Iterator[None]:
    """Homes of a test's own, and nothing of the environment that would make a program declare something else."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PITCHBAR_", "PULUMI_", "AWS_"))}
    with tempfile.TemporaryDirectory(prefix="pitchbar-") as folder:
        homes = {"PITCHBAR_HOME": f"{folder}/home", "PITCHBAR_DATA_HOME": f"{folder}/data"}
        with patch.dict(os.environ, {**kept, **homes}, clear=True):
            yield
