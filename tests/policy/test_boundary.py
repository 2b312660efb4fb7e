"""The boundary of what roles of stacks may do, judged as IAM does: a statement holds when all of its conditions do, and
what is denied by one is not allowed by another."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import pytest

from infra.policy.deploying import LINKED, PASSED_TO, STACKS, boundary, policies

ACCOUNT, REGION, SECOND = "123456789012", "us-east-1", "us-west-2"


def may(action: str, *, region: str = REGION, owner: str = ACCOUNT, home: str = REGION) -> bool:
    """Whether a role may at most do this, in a region, on a thing of an account. ``home``: where the stacks are."""
    keys = {"aws:RequestedRegion": region, "aws:ResourceAccount": owner, "aws:PrincipalAccount": ACCOUNT}
    effects = {each["Effect"] for each in boundary(ACCOUNT, home)["Statement"] if _holds(each, action, keys)}
    return effects == {"Allow"}


def _holds(statement: Mapping[str, Any], action: str, keys: Mapping[str, str]) -> bool:
    patterns = statement.get("Action", statement.get("NotAction"))
    named = any(fnmatchcase(action, pattern) for pattern in ([patterns] if isinstance(patterns, str) else patterns))
    if named == ("NotAction" in statement):
        return False
    conditions = statement.get("Condition", {})
    assert set(conditions) <= {"StringNotEquals"}
    return all(
        keys[key] not in ([values] if isinstance(values, str) else values)
        for key, values in conditions.get("StringNotEquals", {}).items()
    )


@pytest.mark.parametrize(
    "action",
    ["s3:GetObject", "secretsmanager:GetSecretValue", "ecr:BatchGetImage", "elasticloadbalancing:ModifyRule",
     "ssmmessages:OpenDataChannel", "rds:CreateDBSnapshot", "ec2:CreateNetworkInterface"],
)  # fmt: skip
def test_roles_work_in_their_region(action: str) -> None:
    assert may(action)
    assert not may(action, region="ap-south-1")


@pytest.mark.parametrize("action", ["rds:CopyDBSnapshot", "kms:CreateGrant", "backup:CopyIntoBackupVault"])
def test_backups_are_copied_into_the_second_region(action: str) -> None:
    assert may(action, region=SECOND)


@pytest.mark.parametrize("action", ["s3:PutObject", "kms:Encrypt", "secretsmanager:GetSecretValue", "sns:Publish"])
def test_nothing_is_carried_to_another_account(action: str) -> None:
    assert may(action)
    assert not may(action, owner="999999999999")


@pytest.mark.parametrize("action", ["iam:CreateRole", "sts:AssumeRole", "kms:PutKeyPolicy", "s3:PutBucketPolicy"])
def test_nobody_is_given_access(action: str) -> None:
    assert not may(action)


def test_a_region_without_a_second_one_is_its_only_place() -> None:
    assert may("s3:GetObject", region="eu-south-2", home="eu-south-2")
    assert not may("s3:GetObject", region=SECOND, home="eu-south-2")


@pytest.mark.parametrize("environment", sorted(STACKS))
def test_who_deploys_gives_its_stacks_roles_to_these_services_only(environment: str) -> None:
    statements = policies("pitchbar", ACCOUNT, REGION, environment)["roles"]["Statement"]
    passing = [each for each in statements if "iam:PassRole" in each["Action"]]
    linking = [each for each in statements if "iam:CreateServiceLinkedRole" in each["Action"]]
    assert [(each["Resource"], each["Condition"]) for each in passing] == [
        (
            [f"arn:aws:iam::{ACCOUNT}:role/pitchbar/{stack}/*" for stack in STACKS[environment]],
            {"StringEquals": {"iam:PassedToService": list(PASSED_TO)}},
        )
    ]
    assert [(each["Resource"], each["Condition"]) for each in linking] == [
        (f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/*", {"StringEquals": {"iam:AWSServiceName": list(LINKED)}})
    ]
