"""KMS keys: what they are for, who may use them, how long they can be had back."""

import pytest

from tests.support.aws.doubles import ACCOUNT, REGION
from tests.support.aws.stores import BASE, OWN, PULL_REQUEST, STACKS, named, statements, stores

ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
ADMINISTRATION = {"kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:DescribeKey", "kms:EnableKeyRotation"}
USE = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
COPIES = ("backup", "backup-storage", "rds")
DATA = (*COPIES, "ecr", "elasticache", "s3", "secretsmanager")


def through(region: str, *services: str) -> dict[str, object]:
    return {"StringEquals": {"kms:ViaService": [f"{service}.{region}.amazonaws.com" for service in services]}}


@pytest.mark.parametrize(
    ("stack", "names"),
    [
        ("production", {"data", "logs", "app-key", "backup-copies"}),
        ("staging", {"data", "logs", "app-key"}),
        (BASE, {"data", "logs"}),
        (PULL_REQUEST, set()),
    ],
)
def test_each_stack_has_these_keys(stack: str, names: set[str]) -> None:
    assert set(named(stores(stack), "Key")) == names
    assert set(named(stores(stack), "Alias")) == names


@pytest.mark.parametrize("stack", STACKS)
def test_every_key_changes_every_year_and_can_be_had_back_for_a_while(stack: str) -> None:
    recording = stores(stack)
    days = 30 if stack in OWN else 7
    for key in named(recording, "Key").values():
        assert key.inputs["enableKeyRotation"] is True
        assert key.inputs["deletionWindowInDays"] == days
        assert key.options.protect is (stack == "production")
        assert key.inputs["multiRegion"] is (key.name == "app-key")


@pytest.mark.parametrize("stack", [*OWN, BASE])
def test_the_key_of_a_last_snapshot_stays_with_it(stack: str) -> None:
    recording = stores(stack)
    left = {key.name for key in named(recording, "Key").values() if key.options.retain_on_delete}
    snapshot = not recording.one("aws:rds/instance:Instance").inputs["skipFinalSnapshot"]
    assert left == ({"data"} if snapshot else set())


@pytest.mark.parametrize("stack", [*OWN, BASE])
def test_no_policy_lets_anybody_in_who_isnt_named(stack: str) -> None:
    for key in [*named(stores(stack), "Key").values(), *named(stores(stack), "ReplicaKey").values()]:
        for statement in statements(key.inputs["policy"]).values():
            assert statement["Principal"] == ROOT or set(statement["Principal"]) == {"Service"}
            assert "kms:*" not in statement["Action"] and "*" not in statement["Action"]


@pytest.mark.parametrize(
    ("key", "services"),
    [("data", DATA), ("app-key", ("secretsmanager",))],
)
def test_stored_data_is_decrypted_through_its_services_only(key: str, services: tuple[str, ...]) -> None:
    policy = statements(named(stores("production"), "Key")[key].inputs["policy"])
    assert set(policy) == {"Administration", "UseThroughServices", "GrantsToServices"}
    assert set(policy["Administration"]["Action"]) > ADMINISTRATION
    assert set(policy["Administration"]["Action"]).isdisjoint({*USE, "kms:CreateGrant"})
    assert policy["UseThroughServices"] == {
        "Sid": "UseThroughServices",
        "Effect": "Allow",
        "Principal": ROOT,
        "Action": USE,
        "Resource": "*",
        "Condition": through(REGION, *services),
    }
    assert policy["GrantsToServices"]["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    assert policy["GrantsToServices"]["Action"] == ["kms:CreateGrant"]


def test_keys_elsewhere_are_for_the_services_there() -> None:
    recording, second = stores("production"), "us-west-2"
    replica, copies = recording.one("aws:kms/replicaKey:ReplicaKey"), named(recording, "Key")["backup-copies"]
    assert statements(replica.inputs["policy"])["UseThroughServices"]["Condition"] == through(second, "secretsmanager")
    assert statements(copies.inputs["policy"])["UseThroughServices"]["Condition"] == through(second, *COPIES)
    for elsewhere in (replica, copies, named(recording, "Alias")["backup-copies"]):
        assert "second-region" in elsewhere.options.provider
    assert "second-region" not in named(recording, "Key")["app-key"].options.provider


@pytest.mark.parametrize("stack", [*OWN, BASE])
def test_the_logs_key_is_for_this_accounts_logs_and_for_what_notifies(stack: str) -> None:
    policy = statements(named(stores(stack), "Key")["logs"].inputs["policy"])
    assert set(policy) == {"Administration", "UseByIam", "GrantsToServices", "Logs", "Topics"}
    # Lambda asks for a grant as the one who makes the function; a policy that withholds it can't be made up for by IAM.
    assert policy["GrantsToServices"]["Action"] == ["kms:CreateGrant"]
    assert policy["GrantsToServices"]["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    assert policy["Logs"]["Principal"] == {"Service": f"logs.{REGION}.amazonaws.com"}
    assert policy["Logs"]["Condition"] == {
        "ArnLike": {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:*"}
    }
    assert policy["Topics"]["Principal"] == {
        "Service": [
            "backup.amazonaws.com",
            "cloudwatch.amazonaws.com",
            "events.amazonaws.com",
            "events.rds.amazonaws.com",
        ]
    }
    assert policy["Topics"]["Action"] == ["kms:Decrypt", "kms:GenerateDataKey*"]
