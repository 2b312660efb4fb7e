"""The KMS keys that encrypt the secrets in the stacks' states: one for each environment, so that who may deploy staging
can't read production's."""

import json
from typing import Any

from infra.cloud_names import secrets_key_alias
from infra.ops.bootstrap.wish import Change, Wish


def ensure_key(kms: Any, wish: Wish, environment: str) -> Change:
    """Make the key of one environment, or bring it to what it should be; it rotates every year."""
    alias = secrets_key_alias(wish.product, environment)
    found = _find(kms, alias)
    if found is None:
        if not wish.dry_run:
            _create(kms, wish, alias, environment)
        return Change("key", alias, "created", ("rotation", "policy"))
    parts = []
    if not kms.get_key_rotation_status(KeyId=found)["KeyRotationEnabled"]:
        parts.append("rotation")
        if not wish.dry_run:
            kms.enable_key_rotation(KeyId=found)
    if json.loads(kms.get_key_policy(KeyId=found, PolicyName="default")["Policy"]) != _policy(wish):
        parts.append("policy")
        if not wish.dry_run:
            kms.put_key_policy(KeyId=found, PolicyName="default", Policy=json.dumps(_policy(wish)))
    return Change("key", alias, "changed" if parts else "unchanged", tuple(parts))


def _find(kms: Any, alias: str) -> str | None:
    for page in kms.get_paginator("list_aliases").paginate():
        for entry in page["Aliases"]:
            if entry["AliasName"] == alias and "TargetKeyId" in entry:
                return str(entry["TargetKeyId"])
    return None


def _create(kms: Any, wish: Wish, alias: str, environment: str) -> None:
    made = kms.create_key(
        Description=f"Secrets in the states of {wish.product}'s {environment} stacks",
        Policy=json.dumps(_policy(wish)),
        Tags=[
            {"TagKey": "Project", "TagValue": wish.product},
            {"TagKey": "Environment", "TagValue": environment},
            {"TagKey": "ManagedBy", "TagValue": "pitchbar bootstrap"},
        ],
    )["KeyMetadata"]["KeyId"]
    kms.enable_key_rotation(KeyId=made)
    kms.create_alias(AliasName=alias, TargetKeyId=made)


def _policy(wish: Wish) -> dict[str, Any]:
    """The account's administrators decide by IAM who may use it."""
    statement = {
        "Sid": "Account",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{wish.account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    return {"Version": "2012-10-17", "Statement": [statement]}
