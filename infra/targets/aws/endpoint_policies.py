"""What may be done through the network's endpoints: what the tasks do, by this account's roles, with this account's
things. A stolen key of another account is of no use inside the network, nor is another account's bucket a way out."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from infra.targets.base import Cloud

_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_LOG = ("logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:PutLogEvents")
_SESSION = (
    "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
)  # fmt: skip
_FILES = ("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject")


def interface_policies(cloud: Cloud) -> Mapping[str, str]:
    """The interface endpoints by the service's name, each with its policy as JSON.

    Image pulls need ``ecr.api`` and ``ecr.dkr``, ``awslogs`` needs ``logs``, the injection of secrets
    ``secretsmanager``; ECS Exec needs ``ssmmessages``, and ``kms`` for its encrypted sessions.
    """
    here = f"{cloud.region}:{cloud.account}"
    images = _document(
        _own(cloud, ["ecr:GetAuthorizationToken"], "*"),
        _own(cloud, _PULL, f"arn:aws:ecr:{here}:repository/*"),
    )
    return {
        "ecr.api": images,
        "ecr.dkr": images,
        "kms": _document(_own(cloud, ["kms:Decrypt"], f"arn:aws:kms:{here}:key/*")),
        "logs": _document(_own(cloud, _LOG, f"arn:aws:logs:{here}:log-group:*")),
        "secretsmanager": _document(
            _own(cloud, ["secretsmanager:GetSecretValue"], f"arn:aws:secretsmanager:{here}:secret:*")
        ),
        "ssmmessages": _document(_own(cloud, _SESSION, "*")),
    }


def s3_policy(cloud: Cloud) -> str:
    """The policy of S3's gateway endpoint as JSON: this account's buckets, the layers of ECR's images, and reading what
    is public without an account, since a site that the crawler visits may be served from a bucket."""
    return _document(
        _allow(_FILES, "*", {"aws:PrincipalAccount": cloud.account, "aws:ResourceAccount": cloud.account}),
        _allow(["s3:GetObject"], f"arn:aws:s3:::prod-{cloud.region}-starport-layer-bucket/*"),
        _allow(["s3:GetObject"], "*", {"aws:PrincipalType": "Anonymous"}),
    )


def _own(cloud: Cloud, actions: Sequence[str], resource: str) -> Mapping[str, Any]:
    return _allow(actions, resource, {"aws:PrincipalAccount": cloud.account})


def _allow(actions: Sequence[str], resource: str, equals: Mapping[str, str] | None = None) -> Mapping[str, Any]:
    condition = {"Condition": {"StringEquals": dict(equals)}} if equals else {}
    return {"Effect": "Allow", "Principal": "*", "Action": list(actions), "Resource": resource, **condition}


def _document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, sort_keys=True)
