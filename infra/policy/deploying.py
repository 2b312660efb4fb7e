"""Who may deploy an environment and what that allows, as IAM policy documents. `pitchbar bootstrap` puts them into the
account."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from infra.cloud_names import boundary_arn, manifest_key, second_region, secrets_key_alias, state_bucket
from infra.errors import UserError
from infra.policy.needs import Needs, Scope
from infra.policy.permissions import needed
from infra.targets.aws.settings import settings

STACKS: Mapping[str, tuple[str, ...]] = {
    "preview": ("pr-*", "preview-base"),
    "staging": ("staging",),
    "production": ("production",),
}
"""The names of each environment's stacks."""

PASSED_TO = (
    "ecs-tasks.amazonaws.com",
    "ecs.amazonaws.com",
    "lambda.amazonaws.com",
    "monitoring.rds.amazonaws.com",
    "vpc-flow-logs.amazonaws.com",
    "backup.amazonaws.com",
)
"""The services that may be given a role of a stack."""

LINKED = (
    "backup.amazonaws.com", "ecs.amazonaws.com", "ecs.application-autoscaling.amazonaws.com",
    "elasticache.amazonaws.com", "elasticloadbalancing.amazonaws.com", "mrk.kms.amazonaws.com", "rds.amazonaws.com",
    "restore-testing.backup.amazonaws.com",
)  # fmt: skip
"""The services that work by a role of their own, which they make in an account when they are first used there, as the
one who uses them. AWS says what it may do, and nobody can give it more."""

_BOUNDED = (
    "application-autoscaling", "backup", "cloudwatch", "ecr", "ecs", "elasticache", "elasticloadbalancing", "kms",
    "lambda", "logs", "rds", "rds-db", "s3", "secretsmanager", "sns", "ssmmessages", "tag", "xray",
)  # fmt: skip
"""The services in which roles of stacks act at all."""

_HOLDING = ("kms", "s3", "secretsmanager", "sns")
"""The services by whose things of another account data could be carried away."""

_COPIED = ("backup", "backup-storage", "kms")
"""The services that have something of a stack in the second region too: copies of its backups, and their keys."""

_GLOBAL = {"route53": "us-east-1"}
"""The services that are the same everywhere, and the region that requests to them are in."""

Document = dict[str, Any]


def trust(account: str, subject: str, environment: str) -> Document:
    """Who may take the deploying role: a job of the repository that runs in the GitHub environment of the same name,
    which is where approvals are asked for. Exact audience and subject (CKV_AWS_393)."""
    issuer = "token.actions.githubusercontent.com"
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{account}:oidc-provider/{issuer}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {
                f"{issuer}:aud": "sts.amazonaws.com",
                f"{issuer}:sub": f"{subject}:environment:{environment}",
            }
        },
    }
    return _document([statement])


def boundary(account: str, region: str) -> Document:
    """What roles of stacks may do at most, whatever their own policies say: work with data, never with access."""
    return _document(
        [
            {
                "Sid": "Work",
                "Effect": "Allow",
                "Action": [f"{service}:*" for service in _BOUNDED],
                "Resource": "*",
            },
            {
                "Sid": "Network",
                "Effect": "Allow",
                "Action": ["ec2:Describe*", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
                           "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"],
                "Resource": "*",
            },
            {
                "Sid": "HereOnly",
                "Effect": "Deny",
                "Action": "*",
                "Resource": "*",
                "Condition": {"StringNotEquals": {"aws:RequestedRegion": _places(region)}},
            },
            {
                "Sid": "OursOnly",
                "Effect": "Deny",
                "Action": [f"{service}:*" for service in _HOLDING],
                "Resource": "*",
                "Condition": {"StringNotEquals": {"aws:ResourceAccount": account}},
            },
            {
                "Sid": "NoKeys",
                "Effect": "Deny",
                "Action": ["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:DisableKey", "s3:PutBucketPolicy",
                           "s3:DeleteBucketPolicy", "s3:PutBucketPublicAccessBlock",
                           "secretsmanager:PutResourcePolicy", "backup:DeleteRecoveryPoint"],
                "Resource": "*",
            },
        ]
    )  # fmt: skip


def _places(region: str) -> list[str]:
    """The region, and the one that copies are kept in, where there is such a one."""
    try:
        return [region, second_region(region)]
    except UserError:
        return [region]


def policies(product: str, account: str, region: str, environment: str) -> dict[str, Document]:
    """The policies of an environment's deploying role, by name: several, because IAM takes 6,144 characters each."""
    stacks = STACKS[environment]
    needs = list(needed(environment))
    regions = (region, second_region(region)) if settings(environment).second_region else (region,)
    groups = {
        "state": _state(product, account, region, environment, stacks),
        "roles": _roles(product, account, stacks),
        **_halves("named", _named(product, account, regions, stacks, _of(needs, "named", "global"))),
        "tagged": _tagged(product, stacks, _of(needs, "tagged")),
        "regional": _regional(regions, _of(needs, "regional")),
    }
    return {name: _document(statements) for name, statements in groups.items()}


def _halves(name: str, statements: list[Document]) -> dict[str, list[Document]]:
    half = (len(statements) + 1) // 2
    return {f"{name}-1": statements[:half], f"{name}-2": statements[half:]}


def _state(product: str, account: str, region: str, environment: str, stacks: Sequence[str]) -> list[Document]:
    bucket = f"arn:aws:s3:::{state_bucket(product, account, region)}"
    folders = [f".pulumi/*/{product}/{stack}*" for stack in stacks]
    # Whoever may list by prefix only (s3:prefix) is told 403 instead of 404 of an object that isn't there, because that
    # question has no prefix. Pulumi asks it in every update, so a role sees the names of all environments' objects, and
    # reads its own.
    return [
        {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetBucketLocation"], "Resource": bucket},
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:GetObjectTagging", "s3:PutObject", "s3:PutObjectTagging", "s3:DeleteObject"],
            "Resource": [f"{bucket}/{folder}" for folder in folders],
        },
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"{bucket}/.pulumi/meta.yaml"},
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:GetObjectTagging", "s3:PutObject", "s3:PutObjectTagging"],
            "Resource": [f"{bucket}/{manifest_key(stack, '*')}" for stack in stacks],
        },
        {
            "Effect": "Allow",
            "Action": ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"],
            "Resource": f"arn:aws:kms:{region}:{account}:key/*",
            "Condition": {"ForAnyValue:StringEquals": {"kms:ResourceAliases": secrets_key_alias(product, environment)}},
        },
    ]


def _roles(product: str, account: str, stacks: Sequence[str]) -> list[Document]:
    """Make roles within the boundary, and give them to services; never anything about who may deploy."""
    roles = [f"arn:aws:iam::{account}:role/{product}/{stack}/*" for stack in stacks]
    within = {"StringEquals": {"iam:PermissionsBoundary": boundary_arn(product, account)}}
    return [
        {
            "Effect": "Allow",
            "Action": ["iam:CreateRole", "iam:PutRolePolicy", "iam:DeleteRolePolicy", "iam:AttachRolePolicy",
                       "iam:DetachRolePolicy", "iam:PutRolePermissionsBoundary"],
            "Resource": roles,
            "Condition": within,
        },
        {
            "Effect": "Allow",
            "Action": ["iam:GetRole", "iam:GetRolePolicy", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies",
                       "iam:ListInstanceProfilesForRole", "iam:DeleteRole", "iam:UpdateRole",
                       "iam:UpdateRoleDescription", "iam:UpdateAssumeRolePolicy", "iam:TagRole", "iam:UntagRole"],
            "Resource": roles,
        },
        {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": roles,
            "Condition": {"StringEquals": {"iam:PassedToService": list(PASSED_TO)}},
        },
        {
            "Effect": "Allow",
            "Action": "iam:CreateServiceLinkedRole",
            "Resource": f"arn:aws:iam::{account}:role/aws-service-role/*",
            "Condition": {"StringEquals": {"iam:AWSServiceName": list(LINKED)}},
        },
    ]  # fmt: skip


def _named(
    product: str, account: str, regions: Sequence[str], stacks: Sequence[str], needs: Iterable[Needs]
) -> list[Document]:
    by_resources: dict[tuple[str, tuple[str, ...], tuple[str, ...]], set[str]] = {}
    for need in needs:
        where = ("",) if need.scope == "global" else _where(need.service, regions)
        by_resources.setdefault((need.service, where, need.resources), set()).update(need.actions)
    return [
        {
            "Effect": "Allow",
            "Action": sorted(f"{service}:{action}" for action in actions),
            "Resource": sorted(
                {
                    _arn(service, account, where, end.replace("{name}", f"{product}-{stack}-"))
                    for where in places
                    for end in ends
                    for stack in stacks
                }
            ),
        }
        for (service, places, ends), actions in sorted(by_resources.items())
    ]


def _where(service: str, regions: Sequence[str]) -> tuple[str, ...]:
    if service in _GLOBAL:
        return (_GLOBAL[service],)
    return tuple(regions if service in _COPIED else regions[:1])


def _arn(service: str, account: str, region: str, end: str) -> str:
    if end == "*":
        return end
    return f"arn:aws:s3:::{end}" if service == "s3" else f"arn:aws:{service}:{region}:{account}:{end}"


def _tagged(product: str, stacks: Sequence[str], needs: Iterable[Needs]) -> list[Document]:
    """On what has the stack's tag, or what is made with it."""
    actions = sorted({f"{need.service}:{action}" for need in needs for action in need.actions})
    return [
        {
            "Effect": "Allow",
            "Action": actions,
            "Resource": "*",
            "Condition": {"StringLike": {f"aws:{kind}Tag/Stack": list(stacks)}},
        }
        for kind in ("Resource", "Request")
    ]


def _regional(regions: Sequence[str], needs: Iterable[Needs]) -> list[Document]:
    by_place: dict[tuple[str, ...], set[str]] = {}
    for need in needs:
        actions = {f"{need.service}:{action}" for action in need.actions}
        by_place.setdefault(_where(need.service, regions), set()).update(actions)
    return [
        {
            "Effect": "Allow",
            "Action": sorted(actions),
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:RequestedRegion": list(places) if len(places) > 1 else places[0]}},
        }
        for places, actions in sorted(by_place.items())
    ]


def _of(needs: Iterable[Needs], *scopes: Scope) -> list[Needs]:
    return [need for need in needs if need.scope in scopes]


def _document(statements: Sequence[Mapping[str, Any]]) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}
