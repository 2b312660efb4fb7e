"""Tags of single resources; the provider's default tags have the rest."""

from infra.cloud_names import name_prefix
from infra.targets.base import Plan, cloud_of


def name_tag(plan: Plan, name: str) -> dict[str, str]:
    """The tag that consoles show as the name of what has none."""
    return {"Name": f"{name_prefix(cloud_of(plan).product, plan.stack)}{name}"}
