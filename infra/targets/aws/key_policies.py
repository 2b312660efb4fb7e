"""The policies of KMS keys. The account administers a key and gives its use away by IAM, but only through the services
that the key is for; a service that uses it on its own account is named."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from infra.targets.base import Plan, cloud_of

_ADMINISTER = (
    "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:DeleteAlias", "kms:DescribeKey", "kms:DisableKey",
    "kms:DisableKeyRotation", "kms:EnableKey", "kms:EnableKeyRotation", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus",
    "kms:ListAliases", "kms:ListGrants", "kms:ListKeyPolicies", "kms:ListKeyRotations", "kms:ListResourceTags",
    "kms:PutKeyPolicy", "kms:ReplicateKey", "kms:RetireGrant", "kms:RevokeGrant", "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource", "kms:UpdateAlias", "kms:UpdateKeyDescription",
    "kms:UpdatePrimaryRegion",
)  # fmt: skip
_USE = ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*")
_NOTIFY = ("backup.amazonaws.com", "cloudwatch.amazonaws.com", "events.amazonaws.com", "events.rds.amazonaws.com")
"""Who publishes to an encrypted topic. What they may publish to is said by the topic's own policy."""


def stored(plan: Plan, services: Sequence[str], *, region: str | None = None) -> str:
    """The policy of a key for stored data: used through ``services`` (``rds``, ``s3``, …) of a region only."""
    region = region or cloud_of(plan).region
    through = {"StringEquals": {"kms:ViaService": [f"{service}.{region}.amazonaws.com" for service in services]}}
    return _policy(
        _account(plan, "Administration", _ADMINISTER),
        _account(plan, "UseThroughServices", _USE, **through),
        _grants_to_services(plan),
    )


def exec_and_logs(plan: Plan) -> str:
    """The policy of the key for logs, topics, ECS Exec and the queue probe: for the log service and this account's log
    groups, for what notifies, and by IAM for the tasks and operators of a session, which call KMS themselves. Lambda
    refuses to make a function with encrypted variables unless it may be granted the key."""
    cloud = cloud_of(plan)
    groups = f"arn:aws:logs:{cloud.region}:{cloud.account}:log-group:*"
    return _policy(
        _account(plan, "Administration", _ADMINISTER),
        _account(plan, "UseByIam", _USE),
        _grants_to_services(plan),
        {
            "Sid": "Logs",
            "Effect": "Allow",
            "Principal": {"Service": f"logs.{cloud.region}.amazonaws.com"},
            "Action": [*_USE, "kms:DescribeKey"],
            "Resource": "*",
            "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
        },
        {
            "Sid": "Topics",
            "Effect": "Allow",
            "Principal": {"Service": list(_NOTIFY)},
            "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
            "Resource": "*",
        },
    )


def _grants_to_services(plan: Plan) -> Mapping[str, Any]:
    return _account(plan, "GrantsToServices", ("kms:CreateGrant",), Bool={"kms:GrantIsForAWSResource": "true"})


def _account(plan: Plan, sid: str, actions: Sequence[str], **condition: Any) -> Mapping[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{cloud_of(plan).account}:root"},
        "Action": list(actions),
        "Resource": "*",
        **({"Condition": condition} if condition else {}),
    }


def _policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, sort_keys=True)
