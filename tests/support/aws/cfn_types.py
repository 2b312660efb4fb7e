"""The types that the conversion to CloudFormation knows, and where their properties have another name there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.aws.cfn_shapes import (
    Convert,
    access_logs,
    attribute,
    conditions,
    dimensions,
    health_check,
    inline,
    log_delivery,
    metric_queries,
    network,
    stickiness,
)

AUTONAMED = "autonamed"
COMMON = frozenset(
    {
        *("region", "tags", "namePrefix", "skipDestroy", "forceDestroy", "forceDelete", "skipFinalSnapshot"),
        *("applyImmediately", "finalSnapshotIdentifier", "waitForSteadyState", "waitForCapacityTimeout", "triggers"),
    }
)
"""What is the provider's own business: how it makes and removes a resource. Tags are the provider's default tags."""


@dataclass(frozen=True)
class Type:
    """``renames``: CloudFormation's name (dotted: inside another) by path; None: it has none, and loses nothing.
    ``special``: whole properties that have another shape. ``made``: what the provider or autonaming fills in where the
    program leaves it out, and CloudFormation wants to be told."""

    name: str
    renames: Mapping[str, str | None] = field(default_factory=dict)
    special: Mapping[str, Convert] = field(default_factory=dict)
    made: Mapping[str, Any] = field(default_factory=dict)


_ACTION = {
    "redirect": "RedirectConfig",
    "fixedResponse": "FixedResponseConfig",
    "forward": "ForwardConfig",
    "forward.targetGroups.arn": "TargetGroupArn",
    "forward.stickiness": "TargetGroupStickinessConfig",
    "forward.stickiness.duration": "DurationSeconds",
}
_LB_ATTRIBUTES = {
    "desyncMitigationMode": "routing.http.desync_mitigation_mode",
    "dropInvalidHeaderFields": "routing.http.drop_invalid_header_fields.enabled",
    "enableDeletionProtection": "deletion_protection.enabled",
    "enableHttp2": "routing.http2.enabled",
    "enableXffClientPort": "routing.http.xff_client_port.enabled",
    "idleTimeout": "idle_timeout.timeout_seconds",
    "clientKeepAlive": "client_keep_alive.seconds",
    "preserveHostHeader": "routing.http.preserve_host_header.enabled",
    "xffHeaderProcessingMode": "routing.http.xff_header_processing.mode",
    "enableZonalShift": "zonal_shift.config.enabled",
    "enableTlsVersionAndCipherSuiteHeaders": "routing.http.x_amzn_tls_version_and_cipher_suite.enabled",
}
_LISTENER_ATTRIBUTES = {
    "routingHttpResponseServerEnabled": "routing.http.response.server.enabled",
    "routingHttpResponseStrictTransportSecurityHeaderValue": (
        "routing.http.response.strict_transport_security.header_value"
    ),
}
_TG_ATTRIBUTES = {
    "deregistrationDelay": "deregistration_delay.timeout_seconds",
    "loadBalancingAlgorithmType": "load_balancing.algorithm.type",
    "slowStart": "slow_start.duration_seconds",
    "loadBalancingCrossZoneEnabled": "load_balancing.cross_zone.enabled",
}
_RULE = {"securityGroupId": "GroupId", "cidrIpv4": "CidrIp"}
TYPES: Mapping[str, Type] = {
    "aws:rds/instance:Instance": Type(
        "AWS::RDS::DBInstance",
        {
            "instanceClass": "DBInstanceClass",
            "backupWindow": "PreferredBackupWindow",
            "maintenanceWindow": "PreferredMaintenanceWindow",
            "caCertIdentifier": "CACertificateIdentifier",
            "enabledCloudwatchLogsExports": "EnableCloudwatchLogsExports",
            "iamDatabaseAuthenticationEnabled": "EnableIAMDatabaseAuthentication",
            "identifier": "DBInstanceIdentifier",
            "masterUserSecretKmsKeyId": "MasterUserSecret.KmsKeyId",
            "parameterGroupName": "DBParameterGroupName",
            "password": "MasterUserPassword",
            "performanceInsightsEnabled": "EnablePerformanceInsights",
            "username": "MasterUsername",
            "vpcSecurityGroupIds": "VPCSecurityGroups",
            "identifierPrefix": None,
        },
    ),
    "aws:rds/parameterGroup:ParameterGroup": Type(
        "AWS::RDS::DBParameterGroup",
        {"name": None},
        {"parameters": lambda pairs: {"Parameters": {each["name"]: each["value"] for each in pairs}}},
    ),
    "aws:rds/subnetGroup:SubnetGroup": Type(
        "AWS::RDS::DBSubnetGroup", {"name": None, "description": "DBSubnetGroupDescription"}
    ),
    "aws:elasticache/replicationGroup:ReplicationGroup": Type(
        "AWS::ElastiCache::ReplicationGroup",
        {
            "description": "ReplicationGroupDescription",
            "maintenanceWindow": "PreferredMaintenanceWindow",
            "nodeType": "CacheNodeType",
            "parameterGroupName": "CacheParameterGroupName",
            "subnetGroupName": "CacheSubnetGroupName",
            "authTokenUpdateStrategy": None,
        },
        {"logDeliveryConfigurations": log_delivery},
    ),
    "aws:elasticache/subnetGroup:SubnetGroup": Type("AWS::ElastiCache::SubnetGroup", {"name": None}),
    "aws:elasticache/parameterGroup:ParameterGroup": Type(
        "AWS::ElastiCache::ParameterGroup",
        {"family": "CacheParameterGroupFamily", "name": None},
        {"parameters": lambda pairs: {"Properties": {each["name"]: each["value"] for each in pairs}}},
    ),
    "aws:ecs/cluster:Cluster": Type("AWS::ECS::Cluster", {"name": "ClusterName", "settings": "ClusterSettings"}),
    "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": Type(
        "AWS::ECS::ClusterCapacityProviderAssociations", {"clusterName": "Cluster"}
    ),
    "aws:ecs/taskDefinition:TaskDefinition": Type("AWS::ECS::TaskDefinition", {"trackLatest": None}),
    "aws:ecs/service:Service": Type(
        "AWS::ECS::Service",
        {
            "name": "ServiceName",
            "alarms": "DeploymentConfiguration.Alarms",
            "deploymentCircuitBreaker": "DeploymentConfiguration.DeploymentCircuitBreaker",
            "deploymentMaximumPercent": "DeploymentConfiguration.MaximumPercent",
            "deploymentMinimumHealthyPercent": "DeploymentConfiguration.MinimumHealthyPercent",
            "sigintRollback": None,
        },
        {"networkConfiguration": network},
    ),
    "aws:lb/loadBalancer:LoadBalancer": Type(
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        {"loadBalancerType": "Type", "name": None},
        {
            "internal": lambda internal: {"Scheme": "internal" if internal else "internet-facing"},
            "accessLogs": access_logs,
            **{name: attribute("LoadBalancerAttributes", key) for name, key in _LB_ATTRIBUTES.items()},
        },
    ),
    "aws:lb/listener:Listener": Type(
        "AWS::ElasticLoadBalancingV2::Listener",
        {f"defaultActions.{path}": name for path, name in _ACTION.items()},
        {
            "certificateArn": lambda arn: {"Certificates": [{"CertificateArn": arn}]},
            **{name: attribute("ListenerAttributes", key) for name, key in _LISTENER_ATTRIBUTES.items()},
        },
    ),
    "aws:lb/listenerRule:ListenerRule": Type(
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        {f"actions.{path}": name for path, name in _ACTION.items()},
        {"conditions": conditions},
        {"Priority": 1},
    ),
    "aws:lb/targetGroup:TargetGroup": Type(
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        {"name": None},
        {
            "healthCheck": health_check,
            "stickiness": stickiness,
            **{name: attribute("TargetGroupAttributes", key) for name, key in _TG_ATTRIBUTES.items()},
        },
    ),
    "aws:iam/role:Role": Type(
        "AWS::IAM::Role",
        {"assumeRolePolicy": "AssumeRolePolicyDocument", "name": "RoleName"},
        {"inlinePolicies": inline},
    ),
    "aws:iam/policy:Policy": Type("AWS::IAM::ManagedPolicy", {"policy": "PolicyDocument", "name": None}),
    "aws:iam/rolePolicy:RolePolicy": Type(
        "AWS::IAM::RolePolicy",
        {"policy": "PolicyDocument", "role": "RoleName", "name": "PolicyName"},
        made={"PolicyName": AUTONAMED},
    ),
    "aws:s3/bucket:Bucket": Type("AWS::S3::Bucket", {"bucket": "BucketName"}),
    "aws:s3/bucketPolicy:BucketPolicy": Type("AWS::S3::BucketPolicy", {"policy": "PolicyDocument"}),
    "aws:ec2/securityGroup:SecurityGroup": Type(
        "AWS::EC2::SecurityGroup", {"description": "GroupDescription", "name": None, "revokeRulesOnDelete": None}
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": Type(
        "AWS::EC2::SecurityGroupIngress",
        {**_RULE, "prefixListId": "SourcePrefixListId", "referencedSecurityGroupId": "SourceSecurityGroupId"},
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": Type(
        "AWS::EC2::SecurityGroupEgress",
        {**_RULE, "prefixListId": "DestinationPrefixListId", "referencedSecurityGroupId": "DestinationSecurityGroupId"},
    ),
    "aws:ec2/vpc:Vpc": Type("AWS::EC2::VPC"),
    "aws:ec2/subnet:Subnet": Type("AWS::EC2::Subnet"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Type("AWS::EC2::VPCEndpoint", {"policy": "PolicyDocument"}),
    "aws:ec2/flowLog:FlowLog": Type(
        "AWS::EC2::FlowLog",
        {"iamRoleArn": "DeliverLogsPermissionArn"},
        {"vpcId": lambda id: {"ResourceId": id, "ResourceType": "VPC"}},
    ),
    "aws:cloudwatch/logGroup:LogGroup": Type("AWS::Logs::LogGroup", {"name": "LogGroupName"}),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Type(
        "AWS::CloudWatch::Alarm",
        {"name": "AlarmName"},
        {"dimensions": lambda pairs: {"Dimensions": dimensions(pairs)}, "metricQueries": metric_queries},
    ),
    "aws:cloudwatch/dashboard:Dashboard": Type("AWS::CloudWatch::Dashboard"),
    "aws:kms/key:Key": Type(
        "AWS::KMS::Key",
        {
            "policy": "KeyPolicy",
            "deletionWindowInDays": "PendingWindowInDays",
            "isEnabled": "Enabled",
            "customerMasterKeySpec": "KeySpec",
        },
    ),
    "aws:ecr/repository:Repository": Type(
        "AWS::ECR::Repository",
        {"name": "RepositoryName"},
        {
            "encryptionConfigurations": lambda each: {
                "EncryptionConfiguration": {"EncryptionType": each[0]["encryptionType"], "KmsKey": each[0]["kmsKey"]}
            }
        },
    ),
    "aws:secretsmanager/secret:Secret": Type(
        "AWS::SecretsManager::Secret",
        {"replicas": "ReplicaRegions", "recoveryWindowInDays": None, "forceOverwriteReplicaSecret": None},
    ),
    "aws:sns/topic:Topic": Type("AWS::SNS::Topic", {"name": "TopicName"}),
    "aws:sns/topicPolicy:TopicPolicy": Type(
        "AWS::SNS::TopicPolicy", {"policy": "PolicyDocument"}, {"arn": lambda arn: {"Topics": [arn]}}
    ),
    "aws:rds/eventSubscription:EventSubscription": Type("AWS::RDS::EventSubscription", {"snsTopic": "SnsTopicArn"}),
    "aws:cloudwatch/eventRule:EventRule": Type("AWS::Events::Rule", {"name": None}),
    "aws:lambda/function:Function": Type(
        "AWS::Lambda::Function",
        {"name": None, "replaceSecurityGroupsOnDestroy": None},
        {"code": lambda _: {"Code": {"ZipFile": "the program's own"}}},
    ),
    "aws:lambda/permission:Permission": Type("AWS::Lambda::Permission", {"function": "FunctionName"}),
    "aws:backup/vault:Vault": Type(
        "AWS::Backup::BackupVault",
        {"name": "BackupVaultName", "kmsKeyArn": "EncryptionKeyArn"},
        made={"BackupVaultName": AUTONAMED},
    ),
    "aws:appautoscaling/target:Target": Type("AWS::ApplicationAutoScaling::ScalableTarget"),
    "aws:appautoscaling/policy:Policy": Type(
        "AWS::ApplicationAutoScaling::ScalingPolicy", {"name": "PolicyName"}, made={"PolicyName": AUTONAMED}
    ),
}
"""CloudFormation's types by Pulumi's."""
