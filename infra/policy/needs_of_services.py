"""What AWS' data services, and those that scale and watch, need: a part of the table in
:mod:`infra.policy.permissions`."""

from infra.policy.needs import Needs, named, regional

_VAULT, _PLANS = "backup-vault:{name}*", ("backup-plan:*", "restore-testing-plan:*")

DATA: dict[str, tuple[Needs, ...]] = {
    "aws:rds/instance:Instance": (
        named(
            "rds",
            "AddTagsToResource CreateDBInstance DeleteDBInstance ListTagsForResource ModifyDBInstance "
            "RebootDBInstance RemoveTagsFromResource CreateDBSnapshot",
            "db:{name}*", "snapshot:{name}*", "pg:{name}*", "subgrp:{name}*", "og:default*",
        ),
        regional("rds", "Describe*"),
        # RDS keeps the master user's password in a secret of its own, for which it asks as the one who makes it.
        named("secretsmanager", "CreateSecret TagResource DescribeSecret RotateSecret", "secret:rds!db-*"),
    ),
    "aws:rds/parameterGroup:ParameterGroup": (
        named("rds", "CreateDBParameterGroup DeleteDBParameterGroup ModifyDBParameterGroup ResetDBParameterGroup",
               "pg:{name}*"),
    ),
    "aws:rds/subnetGroup:SubnetGroup": (
        named("rds", "CreateDBSubnetGroup DeleteDBSubnetGroup ModifyDBSubnetGroup", "subgrp:{name}*"),
    ),
    "aws:elasticache/replicationGroup:ReplicationGroup": (
        named(
            "elasticache",
            "AddTagsToResource CreateReplicationGroup CreateSnapshot DeleteReplicationGroup ListTagsForResource "
            "ModifyReplicationGroup ModifyReplicationGroupShardConfiguration RemoveTagsFromResource "
            "IncreaseReplicaCount DecreaseReplicaCount",
            "replicationgroup:{name}*", "cluster:{name}*", "snapshot:{name}*", "parametergroup:{name}*",
            "subnetgroup:{name}*",
        ),
        regional("elasticache", "Describe*"),
        # It delivers its logs as the one who makes it.
        regional("logs", "CreateLogDelivery DeleteLogDelivery DescribeResourcePolicies GetLogDelivery "
                  "ListLogDeliveries PutResourcePolicy UpdateLogDelivery"),
    ),
    "aws:elasticache/parameterGroup:ParameterGroup": (
        named("elasticache", "CreateCacheParameterGroup DeleteCacheParameterGroup ModifyCacheParameterGroup "
               "ResetCacheParameterGroup", "parametergroup:{name}*"),
    ),
    "aws:elasticache/subnetGroup:SubnetGroup": (
        named("elasticache", "CreateCacheSubnetGroup DeleteCacheSubnetGroup ModifyCacheSubnetGroup",
               "subnetgroup:{name}*"),
    ),
    "aws:backup/vault:Vault": (
        named("backup", "CreateBackupVault DeleteBackupVault DescribeBackupVault ListTags TagResource UntagResource "
               "ListRecoveryPointsByBackupVault", _VAULT),
        regional("backup-storage", "MountCapsule"),
    ),
    "aws:backup/vaultLockConfiguration:VaultLockConfiguration": (
        # Not to take it away, nor to delete what is in the vault: backups must outlive a stolen deploying role.
        named("backup", "PutBackupVaultLockConfiguration", _VAULT),
    ),
    "aws:backup/plan:Plan": (
        named("backup", "CreateBackupPlan DeleteBackupPlan GetBackupPlan UpdateBackupPlan ListTags TagResource "
               "UntagResource", *_PLANS),
    ),
    "aws:backup/selection:Selection": (
        named("backup", "CreateBackupSelection DeleteBackupSelection GetBackupSelection", *_PLANS),
    ),
    "aws:backup/restoreTestingPlan:RestoreTestingPlan": (
        named("backup", "CreateRestoreTestingPlan DeleteRestoreTestingPlan GetRestoreTestingPlan "
               "UpdateRestoreTestingPlan", *_PLANS),
    ),
    "aws:backup/restoreTestingSelection:RestoreTestingSelection": (
        named("backup", "CreateRestoreTestingSelection DeleteRestoreTestingSelection GetRestoreTestingSelection "
               "UpdateRestoreTestingSelection", *_PLANS),
    ),
}  # fmt: skip
"""PostgreSQL, Redis, backups."""

WATCHING: dict[str, tuple[Needs, ...]] = {
    "aws:appautoscaling/target:Target": (
        regional("application-autoscaling", "RegisterScalableTarget DeregisterScalableTarget Describe* "
                  "ListTagsForResource TagResource UntagResource"),
    ),
    "aws:appautoscaling/policy:Policy": (
        regional("application-autoscaling", "PutScalingPolicy DeleteScalingPolicy Describe*"),
    ),
    "aws:cloudwatch/dashboard:Dashboard": (
        Needs("cloudwatch", "global", ("DeleteDashboards", "GetDashboard", "PutDashboard"), ("dashboard/{name}*",)),
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": (
        named("cloudwatch", "DeleteAlarms DescribeAlarms ListTagsForResource PutMetricAlarm TagResource "
               "UntagResource", "alarm:{name}*"),
    ),
    "aws:cloudwatch/eventRule:EventRule": (
        named("events", "DeleteRule DescribeRule ListTagsForResource PutRule TagResource UntagResource",
               "rule/{name}*"),
    ),
    "aws:cloudwatch/eventTarget:EventTarget": (
        named("events", "ListTargetsByRule PutTargets RemoveTargets", "rule/{name}*"),
    ),
    "aws:lambda/function:Function": (
        named("lambda", "CreateFunction DeleteFunction GetFunction GetFunctionCodeSigningConfig "
               "GetFunctionConfiguration ListVersionsByFunction PutFunctionConcurrency TagResource UntagResource "
               "UpdateFunctionCode UpdateFunctionConfiguration", "function:{name}*"),
    ),
    "aws:lambda/permission:Permission": (
        named("lambda", "AddPermission GetPolicy RemovePermission", "function:{name}*"),
    ),
    "aws:rds/eventSubscription:EventSubscription": (
        named("rds", "AddSourceIdentifierToSubscription AddTagsToResource CreateEventSubscription "
               "DeleteEventSubscription ListTagsForResource ModifyEventSubscription "
               "RemoveSourceIdentifierFromSubscription RemoveTagsFromResource", "es:{name}*"),
    ),
    "aws:sns/topic:Topic": (
        named("sns", "CreateTopic DeleteTopic GetTopicAttributes ListTagsForResource SetTopicAttributes TagResource "
               "UntagResource", "{name}*"),
    ),
    "aws:sns/topicPolicy:TopicPolicy": (named("sns", "GetTopicAttributes SetTopicAttributes", "{name}*"),),
    "aws:sns/topicSubscription:TopicSubscription": (
        named("sns", "Subscribe", "{name}*"),
        regional("sns", "GetSubscriptionAttributes SetSubscriptionAttributes Unsubscribe"),
    ),
}  # fmt: skip
"""Scaling, alarms, the queues' probe."""
