"""IAM roles of the program: each under the stack's path and within the permissions boundary, which is all that the
deploying role may make (`pitchbar bootstrap`). So who may deploy can't give himself more."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra.cloud_names import boundary_arn, role_path
from infra.targets.base import Plan, cloud_of


@dataclass(frozen=True)
class GrantedRole:
    """A role whose ``arn`` is known once it has its permissions, so that who takes it never comes too early."""

    name: Output[str]
    arn: Output[str]


_SAY_NO_ACCOUNT = (
    "backup.amazonaws.com", "lambda.amazonaws.com", "ecs.amazonaws.com", "monitoring.rds.amazonaws.com",
)  # fmt: skip
"""Services whose documentation doesn't promise ``aws:SourceAccount`` when they take a role. A role is given to a
service within its own account only, so nobody else's work is done by it."""

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
) -> GrantedRole:
    """A role that one AWS service may take (``ecs-tasks.amazonaws.com``), where that service says so for this account's
    resources only, with one inline policy of ``statements`` and AWS' ``managed`` policies by ARN."""
    cloud = cloud_of(plan)
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
    granted = [role.arn]
    if statements:
        granted.append(aws.iam.RolePolicy(name, role=role.name, policy=document(statements), opts=inside).id)
    for arn in managed:
        short = arn.rpartition("/")[2]
        attached = aws.iam.RolePolicyAttachment(f"{name}-{short}", role=role.name, policy_arn=arn, opts=inside)
        granted.append(attached.id)
    return GrantedRole(role.name, Output.all(*granted).apply(lambda known: str(known[0])))


def allowing(actions: Sequence[str], resources: Sequence[Input[str]], **condition: Any) -> Statement:
    """A statement that allows actions on resources, under ``Condition=…`` where there is one."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources), **condition}
