"""The Pulumi program: load the model, land it on the stack's target, export what came of it."""

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env

from infra.load import environment, load
from infra.stack_config import parse_stack_config
from infra.targets.base import locate
from infra.targets.choice import target


def main() -> None:
    """Declare the stack's resources and outputs."""
    stack = pulumi.get_stack()
    config = parse_stack_config({**get_config_env(), **CONFIG.get()}, stack)
    place = target(config.target)
    model = load()
    wanted = environment(model, config.environment)
    cloud = locate(model, config)
    place.check(stack, wanted, cloud)
    if config.stack == "base":
        from stacks.base import outputs
    else:
        from stacks.environment import outputs
    for name, value in outputs(stack, config, place, wanted, cloud).items():
        pulumi.export(name, value)


main()
