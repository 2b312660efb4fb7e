"""KMS keys: one for what is stored, one for logs and topics."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from infra.targets.aws import foundation
from infra.targets.aws.key_policies import exec_and_logs, stored
from infra.targets.aws.settings import settings
from infra.targets.base import Plan

BACKUP_SERVICES = ("backup", "backup-storage", "rds")
"""A vault's key is asked for by two names of AWS Backup."""

DATA_SERVICES = (*BACKUP_SERVICES, "ecr", "elasticache", "s3", "secretsmanager")
"""Who may use the data key for a caller that IAM allows it: nobody decrypts with it directly."""


@dataclass(frozen=True)
class KeysArgs:
    """The environment whose keys they are."""

    plan: Plan


class Keys(pulumi.ComponentResource):
    """The keys with exact policies and yearly rotation (KMS.3, KMS.5, CKV_AWS_7, CKV_AWS_33, CKV2_AWS_64)."""

    facts: foundation.Keys

    def __init__(self, name: str, args: KeysArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("pitchbar:aws:Keys", name, None, opts)
        data = create_key(
            args.plan,
            "data",
            "Databases, files, secrets, images and backups",
            stored(args.plan, DATA_SERVICES),
            self,
            # A last snapshot is worth nothing without the key that it was made with.
            retain=settings(args.plan.environment.name).final_snapshot,
        )
        logs = create_key(args.plan, "logs", "Logs, topics and sessions", exec_and_logs(args.plan), self)
        self.facts = foundation.Keys(data_key_arn=data.arn, logs_key_arn=logs.arn)
        self.register_outputs({"data_key_arn": data.arn, "logs_key_arn": logs.arn})


def create_key(
    plan: Plan,
    name: str,
    purpose: str,
    policy: str,
    parent: pulumi.Resource,
    *,
    multi_region: bool = False,
    retain: bool = False,
    provider: aws.Provider | None = None,
) -> aws.kms.Key:
    """A key with an alias. What it encrypted is lost with it: never change its logical name, which would delete it.
    ``retain``: leave the key when the stack goes."""
    opts = ResourceOptions(parent=parent, protect=plan.environment.protect, retain_on_delete=retain, provider=provider)
    key = aws.kms.Key(
        name,
        description=f"{purpose} of {plan.stack}",
        policy=policy,
        enable_key_rotation=True,
        multi_region=multi_region,
        deletion_window_in_days=deletion_window(plan),
        opts=opts,
    )
    aws.kms.Alias(name, target_key_id=key.key_id, opts=ResourceOptions(parent=parent, provider=provider))
    return key


def deletion_window(plan: Plan) -> int:
    """Days from a key's deletion until it is gone for good."""
    return 30 if settings(plan.environment.name).final_snapshot else 7
