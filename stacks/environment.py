"""A stack that is a whole environment, on whatever target."""

from collections.abc import Mapping
from typing import Any

from infra.capabilities import check_capabilities
from infra.domains import hosts
from infra.model import Environment
from infra.paths import app_dir, environment_dir
from infra.release.choice import choose
from infra.stack_config import StackConfig
from infra.targets.base import Cloud, Plan, Target


def outputs(
    stack: str, config: StackConfig, place: Target, wanted: Environment, cloud: Cloud | None
) -> Mapping[str, Any]:
    """Declare its resources; give its outputs, which have the same names on every target."""
    lacking = check_capabilities(wanted, place.name, place.capabilities, config.require, config.image)
    store = place.store(stack, cloud)
    chosen = choose(config.release, app_dir(), wanted, store, image=config.image, rebuild=place.builds_images)
    landed = place.land(
        Plan(
            stack=stack,
            environment=wanted,
            hosts=hosts(wanted.domains, config.domain or _local_domain(stack), stack),
            release=chosen.release,
            source=chosen.source,
            runtime=chosen.runtime,
            directory=environment_dir(stack),
            port=config.port or 0,
            tls=config.tls,
            cloud=cloud,
            kept=chosen.kept,
            rotations=config.rotations,
        )
    )
    return {
        "environment": wanted.name,
        "target": place.name,
        "release": landed.release,
        "app_url": landed.app_url,
        "widget_url": landed.widget_url,
        "realtime_url": landed.realtime_url,
        "realtime_key": landed.realtime_key,
        "processes": {p.name: {"replicas": p.scaling.min, "release": landed.release} for p in wanted.processes},
        "capabilities": sorted(place.capabilities),
        "lacking": sorted(lacking),
        "admin_password": landed.admin_password,
        "internal_queue_token": landed.internal_queue_token,
        "app_key": landed.app_key,
        "app_key_previous": landed.app_key_previous,
        "ca_certificate": landed.ca_certificate,
        "schema_revision": landed.schema_revision,
    }


def _local_domain(stack: str) -> str:
    return "localhost" if stack == "local" else f"{stack}.localhost"
