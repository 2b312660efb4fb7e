"""The Pulumi program: load the model, land it on the stack's target, export what came of it."""

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env

from infra.capabilities import check_capabilities
from infra.domains import hosts
from infra.load import environment, load
from infra.paths import app_dir, environment_dir, release_store
from infra.release.choice import choose
from infra.stack_config import parse_stack_config
from infra.targets.base import Plan, target


def main() -> None:
    """Declare the stack's resources and outputs."""
    stack = pulumi.get_stack()
    config = parse_stack_config({**get_config_env(), **CONFIG.get()}, stack)
    place = target(config.target)
    wanted = environment(load(), config.environment)
    lacking = check_capabilities(wanted, place.name, place.capabilities, config.require, config.image)
    chosen = choose(config.release, app_dir(), wanted, release_store(stack))
    plan = Plan(
        stack=stack,
        environment=wanted,
        hosts=hosts(wanted.domains, config.domain or _local_domain(stack), stack),
        release=chosen.release,
        source=chosen.source,
        runtime=chosen.runtime,
        directory=environment_dir(stack),
        port=config.port or 0,
        tls=config.tls,
        rotations=config.rotations,
    )
    landed = place.land(plan)
    pulumi.export("environment", wanted.name)
    pulumi.export("target", place.name)
    pulumi.export("release", landed.release)
    pulumi.export("app_url", landed.app_url)
    pulumi.export("widget_url", landed.widget_url)
    pulumi.export("realtime_url", landed.realtime_url)
    pulumi.export("realtime_key", landed.realtime_key)
    pulumi.export(
        "processes",
        {p.name: {"replicas": p.scaling.min, "release": landed.release} for p in wanted.processes},
    )
    pulumi.export("capabilities", sorted(place.capabilities))
    pulumi.export("lacking", sorted(lacking))
    pulumi.export("admin_password", landed.admin_password)
    pulumi.export("internal_queue_token", landed.internal_queue_token)
    pulumi.export("app_key", landed.app_key)
    pulumi.export("app_key_previous", landed.app_key_previous)
    pulumi.export("ca_certificate", landed.ca_certificate)
    pulumi.export("schema_revision", landed.schema_revision)


def _local_domain(stack: str) -> str:
    return "localhost" if stack == "local" else f"{stack}.localhost"


main()
