"""AWS Backup: the vault, the daily plan, the copies elsewhere, and the restore that is tried."""

from typing import Any

import pytest

from infra.targets.aws.settings import TABLE
from tests.support.aws.stores import BASE, OWN, PULL_REQUEST, named, stores
from tests.support.engine import Recording, Registered

PLAN, SELECTION = "aws:backup/plan:Plan", "aws:backup/selection:Selection"
MANAGED = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyFor"


def rule(stack: str) -> dict[str, Any]:
    [found] = stores(stack).one(PLAN).inputs["rules"]
    return dict(found)


@pytest.mark.parametrize("stack", OWN)
def test_a_backup_is_taken_every_day_and_kept_as_long_as_the_model_says(stack: str) -> None:
    found = rule(stack)
    assert {key: found[key] for key in found if key not in ("targetVaultName", "copyActions")} == {
        "ruleName": "daily",
        "schedule": "cron(0 3 * * ? *)",
        "startWindow": 60,
        "completionWindow": 300,
        "lifecycle": {"deleteAfter": 30},
    }
    assert f"-{stack}-backups-" in found["targetVaultName"]


@pytest.mark.parametrize("stack", OWN)
def test_it_doesnt_meet_rds_own_backup(stack: str) -> None:
    """RDS refuses snapshots of others during its own backup and in the hour before it."""
    instance = stores(stack).one("aws:rds/instance:Instance").inputs
    starts = int(rule(stack)["schedule"].split()[1]) * 60
    latest = starts + rule(stack)["startWindow"]
    own = int(instance["backupWindow"][:2]) * 60
    assert latest + 60 <= own - 60


@pytest.mark.parametrize("stack", OWN)
def test_the_plan_finds_this_stacks_database_by_its_tag(stack: str) -> None:
    recording = stores(stack)
    selection = recording.one(SELECTION).inputs
    assert selection["selectionTags"] == [{"type": "STRINGEQUALS", "key": "Backup", "value": stack}]
    assert recording.one("aws:rds/instance:Instance").inputs["tags"] == {"Backup": stack}
    assert (
        named(recording, "RolePolicyAttachment")["backups-AWSBackupServiceRolePolicyForBackup"].inputs["policyArn"]
        == f"{MANAGED}Backup"
    )


@pytest.mark.parametrize("stack", OWN)
def test_the_vault_has_the_stacks_key_and_is_never_emptied_in_production(stack: str) -> None:
    recording = stores(stack)
    vault = named(recording, "Vault")["backups"]
    assert vault.inputs == {"kmsKeyArn": recording.outputs["data_key_arn"], "forceDestroy": stack == "staging"}
    assert vault.options.protect is (stack == "production")


def test_in_production_backups_cant_be_deleted_before_their_time() -> None:
    locks = named(stores("production"), "VaultLockConfiguration")
    assert set(locks) == {"backups", "backup-copies"}
    for lock in locks.values():
        assert (lock.inputs["minRetentionDays"], lock.inputs["maxRetentionDays"]) == (30, 365)
        assert "changeableForDays" not in lock.inputs, "compliance mode can't be ended"
        assert lock.options.protect
    assert named(stores("staging"), "VaultLockConfiguration") == {}


def test_in_production_each_backup_is_copied_to_the_second_region() -> None:
    recording = stores("production")
    [copy] = rule("production")["copyActions"]
    vault = named(recording, "Vault")["backup-copies"]
    assert "second-region" in vault.options.provider
    assert "second-region" in named(recording, "VaultLockConfiguration")["backup-copies"].options.provider
    assert "backup-copies" in copy["destinationVaultArn"] and copy["lifecycle"] == {"deleteAfter": 30}
    assert sources(recording, vault, "kmsKeyArn") == {"backup-copies"}
    assert rule("staging")["copyActions"] == []
    assert set(named(stores("staging"), "Vault")) == {"backups"}


def sources(recording: Recording, resource: Registered, key: str) -> set[str]:
    return {each.name for each in recording if each.urn in resource.sources[key]}


def test_in_production_a_restore_is_tried_every_month_in_the_databases_own_subnets() -> None:
    recording = stores("production")
    test = recording.one("aws:backup/restoreTestingPlan:RestoreTestingPlan").inputs
    assert test == {
        "name": "pitchbar_production",
        "scheduleExpression": "cron(0 10 1 * ? *)",
        "startWindowHours": 4,
        "recoveryPointSelection": {
            "algorithm": "LATEST_WITHIN_WINDOW",
            "includeVaults": test["recoveryPointSelection"]["includeVaults"],
            "recoveryPointTypes": ["SNAPSHOT"],
            "selectionWindowDays": 7,
        },
    }
    selection = recording.one("aws:backup/restoreTestingSelection:RestoreTestingSelection")
    assert selection.inputs["protectedResourceType"] == "RDS"
    assert selection.inputs["protectedResourceConditions"] == {
        "stringEquals": [{"key": "aws:ResourceTag/Backup", "value": "production"}]
    }
    assert sources(recording, selection, "restoreMetadataOverrides") == {"postgres"}
    assert (
        named(recording, "RolePolicyAttachment")["restore-test-AWSBackupServiceRolePolicyForRestores"].inputs[
            "policyArn"
        ]
        == f"{MANAGED}Restores"
    )
    assert stores("staging").of("aws:backup/restoreTestingPlan:RestoreTestingPlan") == ()


@pytest.mark.parametrize("stack", [BASE, PULL_REQUEST])
def test_previews_have_no_backups(stack: str) -> None:
    assert [each.name for each in stores(stack) if each.type.startswith("aws:backup/")] == []


def test_the_table_says_it_of_production_alone() -> None:
    assert [name for name, row in TABLE.items() if row.lock_backups or row.copy_backups or row.test_restores] == [
        "production"
    ]
