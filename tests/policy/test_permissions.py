"""The deploying roles may do what their environments' programs need, and nothing for anything else."""

import json

import botocore.session
import pytest

from infra.policy.deploying import STACKS, policies
from infra.policy.permissions import ABSENT, TYPES, needed
from tests.support.aws.program import program

PROGRAMS = {"preview": ("preview-base", "pr-12"), "staging": ("staging",), "production": ("production",)}


def declared(environment: str) -> set[str]:
    stacks = (program(stack, **{"alarm-email": "ops@pitchbar.example"}) for stack in PROGRAMS[environment])
    return {made.type for stack in stacks for made in stack.resources if made.type.startswith("aws:")}


@pytest.mark.parametrize("environment", sorted(PROGRAMS))
def test_the_types_of_an_environments_permissions_are_those_that_it_declares(environment: str) -> None:
    assert {kind for kind in TYPES if not kind.startswith(ABSENT[environment])} == declared(environment)


@pytest.mark.parametrize("environment", sorted(PROGRAMS))
def test_every_exception_is_one(environment: str) -> None:
    assert all(any(kind.startswith(absent) for kind in TYPES) for absent in ABSENT[environment])


@pytest.mark.parametrize("environment", sorted(PROGRAMS))
def test_policies_fit_into_iam_and_name_no_other_environment(environment: str) -> None:
    documents = policies("pitchbar", "123456789012", "us-east-1", environment)
    assert len(documents) <= 10
    for name, document in documents.items():
        text = json.dumps(document, separators=(",", ":"))
        assert len(text) <= 6144, (name, len(text))
        others = {stack for other, stacks in STACKS.items() if other != environment for stack in stacks}
        assert not [stack for stack in others if f"-{stack}-" in text or f"/{stack}/" in text]


@pytest.mark.parametrize("environment", sorted(PROGRAMS))
def test_nothing_is_allowed_on_everything_without_a_condition(environment: str) -> None:
    for document in policies("pitchbar", "123456789012", "us-east-1", environment).values():
        for statement in document["Statement"]:
            assert statement["Resource"] != "*" or statement.get("Condition"), statement
            assert "*" not in [action.partition(":")[2] for action in statement["Action"]], statement


BOTOCORE = {"elasticloadbalancing": "elbv2"}
PATTERNS = {
    "application-autoscaling:Describe*",
    "ec2:Describe*",
    "ec2:Get*",
    "elasticloadbalancing:Describe*",
    "rds:Describe*",
    "elasticache:Describe*",
    # Permissions without a call of the same name.
    *(f"logs:{verb}LogDelivery" for verb in ("Create", "Delete", "Get", "Update")),
    "logs:ListLogDeliveries",
}


def test_every_action_is_a_call_of_aws() -> None:
    """S3's actions are called otherwise than its calls, so they are left out."""
    session = botocore.session.get_session()
    unknown = set()
    for environment in PROGRAMS:
        for need in needed(environment):
            if need.service in ("s3", "backup-storage"):
                continue
            calls = session.get_service_model(BOTOCORE.get(need.service, need.service)).operation_names
            actions = {f"{need.service}:{action}" for action in need.actions if action not in calls}
            unknown |= actions
    assert unknown == PATTERNS


def test_production_may_keep_copies_in_the_second_region_and_nothing_else_there() -> None:
    documents = policies("pitchbar", "123456789012", "us-east-1", "production")
    elsewhere = {
        action
        for document in documents.values()
        for statement in document["Statement"]
        if "us-west-2" in json.dumps([statement["Resource"], statement.get("Condition", {})])
        for action in statement["Action"]
    }
    assert {"backup:CreateBackupVault", "backup:PutBackupVaultLockConfiguration", "kms:CreateAlias"} <= elsewhere
    assert {action.partition(":")[0] for action in elsewhere} == {"backup", "backup-storage", "kms"}
    preview = json.dumps(policies("pitchbar", "123456789012", "us-east-1", "preview"))
    assert "us-west-2" not in preview


@pytest.mark.parametrize("environment", sorted(PROGRAMS))
def test_what_is_kept_can_be_emptied_only_where_it_goes_with_the_stack(environment: str) -> None:
    documents = policies("pitchbar", "123456789012", "us-east-1", environment)
    allowed = {
        action for each in documents.values() for statement in each["Statement"] for action in statement["Action"]
    }
    # Production has the state's own objects to delete, which is another statement.
    emptying = {"s3:DeleteObjectVersion", "ecr:BatchDeleteImage", "backup:DeleteRecoveryPoint"}
    assert emptying & allowed == {
        "preview": {"s3:DeleteObjectVersion", "ecr:BatchDeleteImage"}, "staging": emptying, "production": set(),
    }[environment]  # fmt: skip
    assert "backup:DeleteBackupVaultLockConfiguration" not in allowed


def test_staging_empties_no_vault_but_its_own() -> None:
    documents = policies("pitchbar", "123456789012", "us-east-1", "staging")
    found = [
        statement["Condition"]
        for document in documents.values()
        for statement in document["Statement"]
        if "backup:DeleteRecoveryPoint" in statement["Action"]
    ]
    assert {"StringLike": {"aws:ResourceTag/Stack": ["staging"]}} in found
    assert all("Stack" in json.dumps(condition) for condition in found)
