"""The types that the conversion to CloudFormation knows, and where their properties have another name there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

COMMON = frozenset(
    {
        *("region", "tags", "namePrefix", "skipDestroy", "forceDestroy", "forceDelete", "skipFinalSnapshot"),
        *("applyImmediately", "finalSnapshotIdentifier", "waitForSteadyState", "waitForCapacityTimeout", "triggers"),
    }
)
"""What is the provider's own business: how it makes and removes a resource. Tags are the provider's default tags."""

Convert = Callable[[Any], dict[str, Any]]


@dataclass(frozen=True)
class Type:
    """``renames``: CloudFormation's name (dotted: inside another) by path; None: it has none, and loses nothing.
    ``special``: whole properties that have another shape."""

    name: str
    renames: Mapping[str, str | None] = field(default_factory=dict)
    special: Mapping[str, Convert] = field(default_factory=dict)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(int(value)) if isinstance(value, float) else value


def _attribute(property: str, key: str) -> Convert:
    return lambda value: {property: [{"Key": key, "Value": _text(value)}]}


def _access_logs(value: Mapping[str, Any]) -> dict[str, Any]:
    names = {"enabled": "enabled", "bucket": "bucket", "prefix": "prefix"}
    pairs = [{"Key": f"access_logs.s3.{names[name]}", "Value": _text(part)} for name, part in value.items()]
    return {"LoadBalancerAttributes": pairs}


def _network(value: Mapping[str, Any]) -> dict[str, Any]:
    names = {"subnets": "Subnets", "securityGroups": "SecurityGroups"}
    found = {names[name]: part for name, part in value.items() if name != "assignPublicIp"}
    public = {"AssignPublicIp": "ENABLED" if value.get("assignPublicIp") else "DISABLED"}
    return {"NetworkConfiguration": {"AwsvpcConfiguration": {**found, **public}}}


def _health_check(value: Mapping[str, Any]) -> dict[str, Any]:
    names = {
        "enabled": "HealthCheckEnabled",
        "interval": "HealthCheckIntervalSeconds",
        "path": "HealthCheckPath",
        "port": "HealthCheckPort",
        "protocol": "HealthCheckProtocol",
        "timeout": "HealthCheckTimeoutSeconds",
        "healthyThreshold": "HealthyThresholdCount",
        "unhealthyThreshold": "UnhealthyThresholdCount",
    }
    found: dict[str, Any] = {
        names[name]: int(part) if isinstance(part, float) else part for name, part in value.items() if name != "matcher"
    }
    return {**found, **({"Matcher": {"HttpCode": value["matcher"]}} if "matcher" in value else {})}


def _stickiness(value: Mapping[str, Any]) -> dict[str, Any]:
    names = {"enabled": "enabled", "type": "type", "cookieDuration": f"{value['type']}.duration_seconds"}
    names["cookieName"] = "app_cookie.cookie_name"
    return {
        "TargetGroupAttributes": [
            {"Key": f"stickiness.{names[name]}", "Value": _text(part)} for name, part in value.items()
        ]
    }


def _conditions(value: list[Mapping[str, Any]]) -> dict[str, Any]:
    fields = {
        "hostHeader": ("host-header", "HostHeaderConfig"),
        "pathPattern": ("path-pattern", "PathPatternConfig"),
        "httpHeader": ("http-header", "HttpHeaderConfig"),
        "httpRequestMethod": ("http-request-method", "HttpRequestMethodConfig"),
        "sourceIp": ("source-ip", "SourceIpConfig"),
    }
    return {
        "Conditions": [
            {
                "Field": fields[name][0],
                fields[name][1]: {key[0].upper() + key[1:]: part for key, part in inside.items()},
            }
            for each in value
            for name, inside in each.items()
        ]
    }


def _inline(value: list[Mapping[str, Any]]) -> dict[str, Any]:
    return {"Policies": [{"PolicyName": each["name"], "PolicyDocument": json.loads(each["policy"])} for each in value]}


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
        {"networkConfiguration": _network},
    ),
    "aws:lb/loadBalancer:LoadBalancer": Type(
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        {"loadBalancerType": "Type", "name": None},
        {
            "internal": lambda internal: {"Scheme": "internal" if internal else "internet-facing"},
            "accessLogs": _access_logs,
            **{name: _attribute("LoadBalancerAttributes", key) for name, key in _LB_ATTRIBUTES.items()},
        },
    ),
    "aws:lb/listener:Listener": Type(
        "AWS::ElasticLoadBalancingV2::Listener",
        {f"defaultActions.{path}": name for path, name in _ACTION.items()},
        {"certificateArn": lambda arn: {"Certificates": [{"CertificateArn": arn}]}},
    ),
    "aws:lb/listenerRule:ListenerRule": Type(
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        {f"actions.{path}": name for path, name in _ACTION.items()},
        {"conditions": _conditions},
    ),
    "aws:lb/targetGroup:TargetGroup": Type(
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        {"name": None},
        {
            "healthCheck": _health_check,
            "stickiness": _stickiness,
            **{name: _attribute("TargetGroupAttributes", key) for name, key in _TG_ATTRIBUTES.items()},
        },
    ),
    "aws:iam/role:Role": Type(
        "AWS::IAM::Role",
        {"assumeRolePolicy": "AssumeRolePolicyDocument", "name": "RoleName"},
        {"inlinePolicies": _inline},
    ),
    "aws:iam/policy:Policy": Type("AWS::IAM::ManagedPolicy", {"policy": "PolicyDocument", "name": None}),
    "aws:iam/rolePolicy:RolePolicy": Type(
        "AWS::IAM::RolePolicy", {"policy": "PolicyDocument", "role": "RoleName", "name": "PolicyName"}
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
        {"name": "AlarmName", "metricQueries": "Metrics", "metricQueries.metric": "MetricStat"},
        {"dimensions": lambda pairs: {"Dimensions": [{"Name": name, "Value": part} for name, part in pairs.items()]}},
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
    "aws:backup/vault:Vault": Type(
        "AWS::Backup::BackupVault", {"name": "BackupVaultName", "kmsKeyArn": "EncryptionKeyArn"}
    ),
    "aws:appautoscaling/target:Target": Type("AWS::ApplicationAutoScaling::ScalableTarget"),
    "aws:appautoscaling/policy:Policy": Type("AWS::ApplicationAutoScaling::ScalingPolicy", {"name": "PolicyName"}),
}
"""CloudFormation's types by Pulumi's."""
