"""The target aws: ECS Fargate, RDS and ElastiCache behind Cloudflare."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.capabilities import CAPABILITIES
from infra.edge.names import base_names
from infra.errors import UserError
from infra.model import Capability, Domains, Environment
from infra.release.choice import Store
from infra.release.runtime import render
from infra.targets.aws import database_size, redis_size, sizes
from infra.targets.aws.settings import settings
from infra.targets.base import Cloud, Landed, Plan, Target

_LACKING: frozenset[Capability] = frozenset({"redis-persistence"})
"""ElastiCache for Redis 7 has snapshots and a replica, and no append-only file."""

_LONGEST_NAME = 14
"""Of a stack: names on AWS begin with it, and ElastiCache's have 40 letters."""


def _check(stack: str, environment: Environment, cloud: Cloud | None) -> None:
    settings(environment.name)
    if len(stack) > _LONGEST_NAME:
        raise UserError(
            f"The stack {stack} has {len(stack)} letters, and on AWS at most {_LONGEST_NAME} fit into the names of "
            "what it makes. Choose a shorter one: `pulumi stack rename NAME`."
        )
    based = cloud is not None and cloud.base is not None
    problems = [
        *sizes.problems(environment),
        *redis_size.problems(environment, container=based),
        *(() if based else database_size.problems(environment)),
    ]
    if problems:
        raise UserError(f"The environment {environment.name} doesn't fit on AWS:", problems)


def _land(plan: Plan) -> Landed:
    from infra.targets.aws.platform import land

    return land(plan)


def _land_base(environment: Environment, cloud: Cloud, stack: str) -> Mapping[str, Any]:
    from infra.targets.aws.base import land_base

    [wildcard] = base_names(cloud.domain)
    hosts = Domains(app=wildcard, cdn=wildcard, realtime=wildcard)
    return land_base(
        Plan(
            stack=stack,
            environment=environment,
            hosts=hosts,
            release="",
            source="",
            runtime=render(environment),
            directory=Path(),
            cloud=cloud,
        )
    )


def _store(stack: str, cloud: Cloud | None) -> Store:
    from infra.targets.aws.releases import Bucket

    if cloud is None:
        raise UserError("Releases of AWS are kept there. Run `pulumi config set pitchbar:target aws`.")
    return Bucket(stack, cloud)


TARGET = Target(
    "aws",
    frozenset(CAPABILITIES) - _LACKING,
    _land,
    _store,
    builds_images=True,
    check=_check,
    land_base=_land_base,
)
