"""Lambda functions of the program's own, each a single file, inside the network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, Resource, ResourceOptions

from infra.targets.aws.foundation import Foundation
from infra.targets.aws.log_groups import create_log_group
from infra.targets.aws.roles import Statement, allowing, create_role
from infra.targets.base import Plan

_INTERFACES = ("CreateNetworkInterface", "DeleteNetworkInterface", "DescribeNetworkInterfaces", "DescribeSubnets")


@dataclass(frozen=True, kw_only=True)
class FunctionArgs:
    """``code``: the file, whose ``handle`` is called. ``seconds``: that a call may take. ``statements``: what it may do
    besides writing its log. ``ways``: its ways out, which must be there before it runs."""

    plan: Plan
    foundation: Foundation
    description: str
    role_description: str
    code: Path
    seconds: int
    variables: Mapping[str, Input[str]]
    statements: Sequence[Statement] = ()
    security_group_id: Input[str]
    ways: Sequence[Resource]


def create_function(name: str, args: FunctionArgs, parent: Resource) -> aws.lambda_.Function:
    """The function with its role and its log (LAMBDA.1, LAMBDA.2, LAMBDA.5)."""
    opts = ResourceOptions(parent=parent)
    key = args.foundation.keys.logs_key_arn
    log = create_log_group(args.plan, name, key, opts)
    role = create_role(
        args.plan,
        name,
        service="lambda.amazonaws.com",
        description=args.role_description,
        statements=[
            # IAM has no narrower resource for the interfaces by which a function is in a network.
            allowing([f"ec2:{action}" for action in _INTERFACES], ["*"]),
            allowing(["logs:CreateLogStream", "logs:PutLogEvents"], [Output.concat(log.arn, ":*")]),
            allowing(["kms:Decrypt"], [key]),
            *args.statements,
        ],
        opts=opts,
    )
    return aws.lambda_.Function(
        name,
        description=args.description,
        runtime="python3.13",
        architectures=["arm64"],
        handler="handler.handle",
        code=pulumi.AssetArchive({"handler.py": pulumi.FileAsset(str(args.code))}),
        role=role.arn,
        timeout=args.seconds,
        memory_size=128,
        kms_key_arn=key,
        environment={"variables": args.variables},
        vpc_config={
            "subnet_ids": args.foundation.network.private_subnet_ids,
            "security_group_ids": [args.security_group_id],
        },
        logging_config={"log_format": "Text", "log_group": log.name},
        # Lambda gives its interfaces back late: a group that one still has could not be removed.
        replace_security_groups_on_destroy=True,
        opts=ResourceOptions(parent=parent, depends_on=list(args.ways)),
    )
