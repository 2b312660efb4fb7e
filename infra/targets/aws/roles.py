"""IAM roles of the program: each under the stack's path and within the permissions boundary, which is all that the
deploying role may make (`pitchbar bootstrap`). So who may deploy can't give himself more."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra.cloud_names import boundary_arn, role_path
from infra.errors import UserError
from infra.targets.base import Plan

_SAY_NO_ACCOUNT = ("lambda.amazonaws.com", "ecs.amazonaws.com", "monitoring.rds.amazonaws.com")
"""Services whose documentation doesn't promise ``aws:SourceAccount`` when they take a role."""

Statement = Mapping[str, Any]
"""One statement of a policy as IAM spells it; values may be Pulumi outputs."""


def document(statements: Sequence[Statement]) -> Output[str]:
    """A policy document as JSON; the same statements give the same text."""
    return Output.json_dumps({"Version": "2012-10-17", "Statement": list(statements)}, sort_keys=True)


def create_role(
    plan: Plan,
    name: str,
    *,
    service: str,
    description: str,
    statements: Sequence[Statement] = (),
    managed: Sequence[str] = (),
    opts: ResourceOptions,
) -> aws.iam.Role:
    """A role that one AWS service may take (``ecs-tasks.amazonaws.com``), where that service says so for this account's
    resources only, with one inline policy of ``statements`` and AWS' ``managed`` policies by ARN."""
    cloud = plan.cloud
    if cloud is None:
        raise UserError("Roles are made on AWS only. Run `pulumi config set pitchbar:target aws`.")
    trust: dict[str, Any] = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    if service not in _SAY_NO_ACCOUNT:
        trust["Condition"] = {"StringEquals": {"aws:SourceAccount": cloud.account}}
    role = aws.iam.Role(
        name,
        path=role_path(cloud.product, plan.stack),
        description=description,
        assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [trust]}, sort_keys=True),
        permissions_boundary=boundary_arn(cloud.product, cloud.account),
        opts=opts,
    )
    inside = ResourceOptions(parent=role)
    if statements:
        aws.iam.RolePolicy(name, role=role.name, policy=document(statements), opts=inside)
    for arn in managed:
        short = arn.rpartition("/")[2]
        aws.iam.RolePolicyAttachment(f"{name}-{short}", role=role.name, policy_arn=arn, opts=inside)
    return role


def allowing(actions: Sequence[str], resources: Sequence[Input[str]], **condition: Any) -> Statement:
    """A statement that allows actions on resources, under ``Condition=…`` where there is one."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources), **condition}
