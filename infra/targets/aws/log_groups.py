"""Log groups for services that write to one of a fixed name, or that a single task writes to."""

import pulumi_aws as aws
from pulumi import Input, ResourceOptions

from infra.targets.base import Plan

_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
"""The retentions that CloudWatch has."""


def retention(plan: Plan) -> int:
    """The model's retention in days, or the next longer one that CloudWatch has."""
    return next(days for days in _DAYS if days >= plan.environment.telemetry.log_retention)


def create_log_group(
    plan: Plan, name: str, key_arn: Input[str], opts: ResourceOptions, *, physical: Input[str] | None = None
) -> aws.cloudwatch.LogGroup:
    """A log group with retention and encryption (CKV_AWS_158). ``physical``: the name that a service writes to, which
    would otherwise make it itself, kept for ever and unencrypted."""
    return aws.cloudwatch.LogGroup(
        name, name=physical, kms_key_id=key_arn, retention_in_days=retention(plan), opts=opts
    )
