"""The Pulumi program: load the model, land it on the stack's target, export what came of it."""

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env

from infra.capabilities import check_capabilities
from infra.domains import hosts
from infra.load import environment, load
from infra.paths import app_dir, environment_dir
from infra.release.content import release_id
from infra.stack_config import parse_stack_config
from infra.targets.base import Plan, target


def main() -> None:
    """Declare the stack's resources and outputs."""
    stack = pulumi.get_stack()
    config = parse_stack_config({**get_config_env(), **CONFIG.get()}, stack)
    place = target(config.target)
    wanted = environment(load(), config.environment)
    lacking = check_capabilities(wanted, place.name, place.capabilities, config.require, config.image)
    source = app_dir()
    plan = Plan(
        stack=stack,
        environment=wanted,
        hosts=hosts(wanted.domains, config.domain or _local_domain(stack), stack),
        release=config.release or release_id(source),
        source="" if config.release else str(source),
        directory=environment_dir(stack),
        port=config.port or 0,
        tls=config.tls,
    )
    landed = place.land(plan)
    pulumi.export("environment", wanted.name)
    pulumi.export("target", place.name)
    pulumi.export("release", plan.release)
    pulumi.export("app_url", landed.app_url)
    pulumi.export("widget_url", landed.widget_url)
    pulumi.export("realtime_url", landed.realtime_url)
    pulumi.export("realtime_key", landed.realtime_key)
    pulumi.export(
        "processes",
        {p.name: {"replicas": p.scaling.min, "release": plan.release} for p in wanted.processes},
    )
    pulumi.export("capabilities", sorted(place.capabilities))
    pulumi.export("lacking", sorted(lacking))
    pulumi.export("admin_password", landed.admin_password)
    pulumi.export("internal_queue_token", landed.internal_queue_token)
    pulumi.export("ca_certificate", landed.ca_certificate)


def _local_domain(stack: str) -> str:
    return "localhost" if stack == "local" else f"{stack}.localhost"


main()
