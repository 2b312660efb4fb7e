"""Log groups: all of the AWS target are made here."""

import pulumi_aws as aws
from pulumi import Input, ResourceOptions

from infra.targets.aws.retention import retention
from infra.targets.base import Plan


def create_log_group(
    plan: Plan, name: str, key_arn: Input[str], opts: ResourceOptions, *, physical: Input[str] | None = None
) -> aws.cloudwatch.LogGroup:
    """A log group with retention and encryption (CKV_AWS_158). ``physical``: the name that a service writes to, which
    would otherwise make it itself, kept for ever and unencrypted."""
    return aws.cloudwatch.LogGroup(
        name,
        name=physical,
        kms_key_id=key_arn,
        retention_in_days=retention(plan.environment.telemetry.log_retention),
        opts=opts,
    )
