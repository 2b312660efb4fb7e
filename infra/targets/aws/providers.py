"""The providers of a stack: limited to its account, and tagging everything that it makes."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi_aws as aws

from infra.cloud_names import second_region
from infra.targets.aws.settings import settings
from infra.targets.base import Plan, cloud_of


@dataclass(frozen=True)
class Providers:
    """``second``: of the second region, in environments that keep copies there."""

    main: aws.Provider
    second: aws.Provider | None


def tags(plan: Plan) -> Mapping[str, str]:
    """The tags of all that a stack makes; permissions and costs go by them."""
    return {
        "Project": cloud_of(plan).product,
        "Environment": plan.environment.name,
        "Stack": plan.stack,
        "ManagedBy": "pulumi",
    }


def create_providers(plan: Plan) -> Providers:
    """One provider for the stack's region, one for the second."""
    cloud = cloud_of(plan)
    copied = settings(plan.environment.name).second_region and not cloud.base
    return Providers(
        _create(plan, "aws", cloud.region),
        _create(plan, "aws-second-region", second_region(cloud.region)) if copied else None,
    )


def _create(plan: Plan, name: str, region: str) -> aws.Provider:
    return aws.Provider(
        name,
        region=region,
        allowed_account_ids=[cloud_of(plan).account],
        default_tags={"tags": dict(tags(plan))},
    )
