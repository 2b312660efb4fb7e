"""A stack that the stacks of pull requests stand on: network, cluster, load balancer, certificate, registry and one
database server."""

from collections.abc import Mapping
from typing import Any

from infra.errors import UserError
from infra.model import Environment
from infra.stack_config import StackConfig
from infra.targets.base import Cloud, Target


def outputs(
    stack: str, config: StackConfig, place: Target, wanted: Environment, cloud: Cloud | None
) -> Mapping[str, Any]:
    """Declare its resources; give its outputs. Raises :class:`UserError` on a target that needs no base."""
    if place.land_base is None or cloud is None:
        raise UserError(
            f"The target {place.name} needs no base stack: each environment on it is whole. "
            "Run `pulumi config rm pitchbar:stack`."
        )
    return {
        "environment": config.environment,
        "target": place.name,
        **place.land_base(wanted, cloud, stack),
    }
