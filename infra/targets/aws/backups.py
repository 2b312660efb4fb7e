"""Backups of what is in RDS, beside RDS' own, by AWS Backup."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra.cloud_names import own_name, second_region
from infra.targets.aws import foundation
from infra.targets.aws.key_policies import stored
from infra.targets.aws.keys import BACKUP_SERVICES, create_key
from infra.targets.aws.roles import create_role
from infra.targets.aws.settings import settings
from infra.targets.base import Plan, cloud_of

_TAG = "Backup"
_DAILY = "cron(0 3 * * ? *)"
_MONTHLY = "cron(0 10 1 * ? *)"
"""UTC. Daily, hours before RDS' own backup and its maintenance: it refuses snapshots of others in the hour before."""

_START_MINUTES, _END_MINUTES = 60, 300
_LONGEST_DAYS = 365
_POLICY = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyFor"


def backup_tags(plan: Plan) -> Mapping[str, str] | None:
    """The tags by which a stack's plan finds what it backs up; None where the environment has no daily backups."""
    return {_TAG: plan.stack} if plan.environment.backups.daily else None


@dataclass(frozen=True)
class BackupsArgs:
    """``subnet_group_name``: where restores are tried. ``second_region``: where copies go, in environments that have
    them."""

    plan: Plan
    keys: foundation.Keys
    subnet_group_name: Input[str]
    second_region: aws.Provider | None = None


class Backups(pulumi.ComponentResource):
    """A vault, the daily plan and who carries it out (Backup.1, CKV_AWS_166). RDS' own backups are for going back to a
    second; these outlive the instance, and what may delete the instance can't delete them.

    They are snapshots only: AWS Backup's continuous backups would take RDS' own retention and window over, which the
    program sets. In production the vault is locked in governance mode, which an administrator can end (compliance mode
    could never be ended, not even by AWS), each backup is copied to the second region, and a restore is tried every
    month.
    """

    vault_name: Output[str]
    vault_arn: Output[str]

    def __init__(self, name: str, args: BackupsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("pitchbar:aws:Backups", name, None, opts)
        self._args = args
        self._settings = settings(args.plan.environment.name)
        self._child = ResourceOptions(parent=self)
        vault = self._create_vault("backups", args.keys.data_key_arn, None)
        self._create_selection(self._create_plan(vault, self._create_copy_vault()))
        self._create_restore_test(vault)
        self.vault_name, self.vault_arn = vault.name, vault.arn
        self.register_outputs({"vault_name": vault.name, "vault_arn": vault.arn})

    def _create_vault(self, name: str, key_arn: Input[str], provider: aws.Provider | None) -> aws.backup.Vault:
        protect = self._args.plan.environment.protect
        # Its logical name is the state's key: a rename deletes the backups.
        vault = aws.backup.Vault(
            name,
            kms_key_arn=key_arn,
            force_destroy=self._settings.force_destroy,
            opts=ResourceOptions(parent=self, protect=protect, provider=provider),
        )
        if self._settings.lock_backups:
            aws.backup.VaultLockConfiguration(
                name,
                backup_vault_name=vault.name,
                min_retention_days=self._args.plan.environment.backups.retention,
                max_retention_days=_LONGEST_DAYS,
                opts=ResourceOptions(parent=self, protect=protect, provider=provider),
            )
        return vault

    def _create_copy_vault(self) -> aws.backup.Vault | None:
        plan, provider = self._args.plan, self._args.second_region
        if not self._settings.copy_backups:
            return None
        second = second_region(cloud_of(plan).region)
        if provider is None:
            raise ValueError(f"no provider for {second}, where the copies of backups go")
        policy = stored(plan, BACKUP_SERVICES, region=second)
        key = create_key(plan, "backup-copies", "Copies of backups", policy, self, provider=provider)
        return self._create_vault("backup-copies", key.arn, provider)

    def _create_plan(self, vault: aws.backup.Vault, copies: aws.backup.Vault | None) -> aws.backup.Plan:
        days = self._args.plan.environment.backups.retention
        rule = aws.backup.PlanRuleArgs(
            rule_name="daily",
            target_vault_name=vault.name,
            schedule=_DAILY,
            start_window=_START_MINUTES,
            completion_window=_END_MINUTES,
            lifecycle=aws.backup.PlanRuleLifecycleArgs(delete_after=days),
            copy_actions=[
                aws.backup.PlanRuleCopyActionArgs(
                    destination_vault_arn=vault.arn,
                    lifecycle=aws.backup.PlanRuleCopyActionLifecycleArgs(delete_after=days),
                )
                for vault in (copies,)
                if vault is not None
            ],
        )
        return aws.backup.Plan("backups", rules=[rule], opts=self._child)

    def _create_selection(self, plan: aws.backup.Plan) -> None:
        role = create_role(
            self._args.plan,
            "backups",
            service="backup.amazonaws.com",
            description="Takes the daily backups",
            managed=[f"{_POLICY}Backup"],
            opts=self._child,
        )
        tag = aws.backup.SelectionSelectionTagArgs(type="STRINGEQUALS", key=_TAG, value=self._args.plan.stack)
        aws.backup.Selection("backups", plan_id=plan.id, iam_role_arn=role.arn, selection_tags=[tag], opts=self._child)

    def _create_restore_test(self, vault: aws.backup.Vault) -> None:
        """A backup that was never restored is a hope: AWS Backup makes a database of the newest, and deletes it."""
        if not self._settings.test_restores:
            return
        cloud, stack = cloud_of(self._args.plan), self._args.plan.stack
        role = create_role(
            self._args.plan,
            "restore-test",
            service="backup.amazonaws.com",
            description="Tries a restore every month",
            managed=[f"{_POLICY}Restores"],
            opts=self._child,
        )
        test = aws.backup.RestoreTestingPlan(
            "restore-test",
            name=own_name(f"{cloud.product}-{stack}", between="_", limit=50),  # Its names have no hyphens.
            schedule_expression=_MONTHLY,
            start_window_hours=4,
            recovery_point_selection=aws.backup.RestoreTestingPlanRecoveryPointSelectionArgs(
                algorithm="LATEST_WITHIN_WINDOW",
                include_vaults=[vault.arn],
                recovery_point_types=["SNAPSHOT"],
                selection_window_days=7,
            ),
            opts=self._child,
        )
        aws.backup.RestoreTestingSelection(
            "restore-test",
            name="databases",
            restore_testing_plan_name=test.name,
            protected_resource_type="RDS",
            protected_resource_arns=["*"],
            protected_resource_conditions=aws.backup.RestoreTestingSelectionProtectedResourceConditionsArgs(
                string_equals=[
                    aws.backup.RestoreTestingSelectionProtectedResourceConditionsStringEqualArgs(
                        key=f"aws:ResourceTag/{_TAG}", value=stack
                    )
                ]
            ),
            restore_metadata_overrides={"dbSubnetGroupName": self._args.subnet_group_name},
            iam_role_arn=role.arn,
            opts=self._child,
        )
