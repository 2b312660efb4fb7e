"""Controls of what keeps data: RDS, ElastiCache, Secrets Manager and the backups."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from infra.policy.control import Control, Declared, Judgement, at_least, each, given, never, want

DATABASE = "aws:rds/instance:Instance"
REDIS = "aws:elasticache/replicationGroup:ReplicationGroup"
SECRET = "aws:secretsmanager/secret:Secret"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
VAULT = "aws:backup/vault:Vault"
_EVENTS = {
    "db-instance": {"maintenance", "configuration change", "failure"},
    "db-parameter-group": {"configuration change"},
    "db-security-group": {"configuration change", "failure"},
}


def _log_exports(inputs: Mapping[str, Any]) -> str:
    missing = {"postgresql", "upgrade"} - set(inputs.get("enabledCloudwatchLogsExports", []))
    return f"does not export its logs {', '.join(sorted(missing))}" if missing else ""


def _events(source: str) -> Callable[[Declared], Iterator[Judgement]]:
    def judge(declared: Declared) -> Iterator[Judgement]:
        if not any(declared.of(DATABASE)):
            return
        told: set[str] = set()
        for subscription in declared.of("aws:rds/eventSubscription:EventSubscription"):
            if subscription.inputs.get("sourceType") == source and subscription.inputs.get("enabled", True):
                told |= set(subscription.inputs.get("eventCategories", _EVENTS[source]))
        missing = _EVENTS[source] - told
        yield f"events of {source}", f"lack {', '.join(sorted(missing))}" if missing else ""

    return judge


def _in_the_network(inputs: Mapping[str, Any]) -> str:
    return "" if inputs.get("dbSubnetGroupName") and inputs.get("vpcSecurityGroupIds") else "is outside the network"


def _is_read(declared: Declared) -> Iterator[Judgement]:
    """A secret that a task gets, or that only operators restore from, which its name says."""
    readers = {urn for task in declared.of(TASK) for found in task.sources.values() for urn in found}
    versions = list(declared.of("aws:secretsmanager/secretVersion:SecretVersion"))
    for secret in declared.of(SECRET):
        own = {secret.urn} | {v.urn for v in versions if secret.urn in v.sources.get("secretId", ())}
        yield secret.name, "" if own & readers or "escrow" in secret.name else "is read by no task"


def _rotates(declared: Declared) -> Iterator[Judgement]:
    rotated = {
        urn
        for rotation in declared.of("aws:secretsmanager/secretRotation:SecretRotation")
        for urn in rotation.sources.get("secretId", ())
    }
    for secret in declared.of(SECRET):
        yield secret.name, "" if secret.urn in rotated else "has no rotation"


CONTROLS = (
    Control(
        "RDS.1",
        "Snapshots of databases are shared with nobody.",
        "Take sharedAccounts out.",
        each("aws:rds/snapshot:Snapshot", never("sharedAccounts", ["all"])),
    ),
    Control(
        "RDS.2",
        "Databases have no public address.",
        "Set publicly_accessible to False.",
        each(DATABASE, want("publiclyAccessible", False)),
    ),
    Control(
        "RDS.3",
        "Databases are encrypted on disk.",
        "Set storage_encrypted to True.",
        each(DATABASE, want("storageEncrypted", True)),
    ),
    Control(
        "RDS.4",
        "Snapshots are encrypted, which those of a database with a key are.",
        "Give the database a kms_key_id.",
        each(DATABASE, given("kmsKeyId")),
    ),
    Control(
        "RDS.5",
        "Databases have a standby in a second zone.",
        "Set multi_az to True.",
        each(DATABASE, want("multiAz", True)),
    ),
    Control(
        "RDS.6",
        "The operating system below a database is monitored.",
        "Set monitoring_interval to 60 and give monitoring_role_arn.",
        each(DATABASE, at_least("monitoringInterval", 1)),
    ),
    Control(
        "RDS.8",
        "AWS refuses to delete databases.",
        "Set deletion_protection to True.",
        each(DATABASE, want("deletionProtection", True)),
    ),
    Control(
        "RDS.9", "Databases export their logs.", "Set enabled_cloudwatch_logs_exports.", each(DATABASE, _log_exports)
    ),
    Control(
        "RDS.10",
        "People can sign in to databases with IAM instead of a password.",
        "Set iam_database_authentication_enabled to True.",
        each(DATABASE, want("iamDatabaseAuthenticationEnabled", True)),
    ),
    Control(
        "RDS.11",
        "Databases are backed up continuously, for seven days at least.",
        "Set backup_retention_period.",
        each(DATABASE, at_least("backupRetentionPeriod", 7)),
    ),
    Control(
        "RDS.13",
        "Databases take minor versions by themselves.",
        "Set auto_minor_version_upgrade to True.",
        each(DATABASE, never("autoMinorVersionUpgrade", False)),
    ),
    Control(
        "RDS.17",
        "Snapshots carry the tags of their database.",
        "Set copy_tags_to_snapshot to True.",
        each(DATABASE, want("copyTagsToSnapshot", True)),
    ),
    Control(
        "RDS.18", "Databases are in the private network.", "Give subnets and groups.", each(DATABASE, _in_the_network)
    ),
    Control("RDS.20", "Critical events of databases are told.", "Subscribe to them.", _events("db-instance")),
    Control("RDS.21", "Critical events of parameter groups are told.", "Subscribe.", _events("db-parameter-group")),
    Control("RDS.22", "Critical events of security groups are told.", "Subscribe.", _events("db-security-group")),
    Control(
        "RDS.23",
        "Databases don't listen on their engine's default port.",
        "Set another port.",
        each(DATABASE, lambda inputs: "listens on 5432" if inputs.get("port", 5432) == 5432 else ""),
    ),
    Control(
        "RDS.25",
        "The owner of a database has a name of its own.",
        "Set username to something else.",
        each(DATABASE, never("username", "admin", "postgres", None)),
    ),
    Control(
        "ElastiCache.1",
        "Redis is saved every day.",
        "Set snapshot_retention_limit.",
        each(REDIS, at_least("snapshotRetentionLimit", 1)),
    ),
    Control(
        "ElastiCache.2",
        "Redis takes minor versions by itself.",
        "Set auto_minor_version_upgrade.",
        each(REDIS, want("autoMinorVersionUpgrade", True)),
    ),
    Control(
        "ElastiCache.3",
        "A replica takes over by itself.",
        "Set automatic_failover_enabled and two nodes.",
        each(REDIS, want("automaticFailoverEnabled", True)),
    ),
    Control(
        "ElastiCache.4",
        "Redis is encrypted on disk.",
        "Set at_rest_encryption_enabled.",
        each(REDIS, want("atRestEncryptionEnabled", True)),
    ),
    Control(
        "ElastiCache.5",
        "Connections to Redis are encrypted.",
        "Set transit_encryption_enabled.",
        each(REDIS, want("transitEncryptionEnabled", True)),
    ),
    Control("ElastiCache.6", "Redis asks for a password.", "Set auth_token.", each(REDIS, given("authToken"))),
    Control(
        "ElastiCache.7", "Redis is in subnets of ours.", "Set subnet_group_name.", each(REDIS, given("subnetGroupName"))
    ),
    Control("SecretsManager.1", "Secrets are rotated by a schedule.", "Add a SecretRotation.", _rotates),
    Control(
        "SecretsManager.2",
        "Scheduled rotations succeed.",
        "Look at the rotation's function.",
        each("aws:secretsmanager/secretRotation:SecretRotation", given("rotationLambdaArn")),
    ),
    Control("SecretsManager.3", "Every secret is used.", "Remove it, or give it to a task.", _is_read),
    Control("SecretsManager.4", "Secrets are rotated within 90 days.", "Add a SecretRotation.", _rotates),
    Control(
        "Backup.1", "Backups are encrypted with a key of ours.", "Set kms_key_arn.", each(VAULT, given("kmsKeyArn"))
    ),
)
