"""The deploying roles against what AWS itself says that its resources need: the permissions of CloudFormation's own
handlers, which call the same operations."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from infra.policy.deploying import policies
from infra.policy.permissions import TYPES
from tests.policy.test_permissions import PROGRAMS, declared
from tests.support.aws.cfn_types import TYPES as CONVERTED

REGION = "us-east-1"
MORE = {
    "aws:acm/certificate:Certificate": "AWS::CertificateManager::Certificate",
    "aws:backup/plan:Plan": "AWS::Backup::BackupPlan",
    "aws:backup/restoreTestingPlan:RestoreTestingPlan": "AWS::Backup::RestoreTestingPlan",
    "aws:backup/restoreTestingSelection:RestoreTestingSelection": "AWS::Backup::RestoreTestingSelection",
    "aws:backup/selection:Selection": "AWS::Backup::BackupSelection",
    "aws:ec2/eip:Eip": "AWS::EC2::EIP",
    "aws:ec2/internetGateway:InternetGateway": "AWS::EC2::InternetGateway",
    "aws:ec2/managedPrefixList:ManagedPrefixList": "AWS::EC2::PrefixList",
    "aws:ec2/natGateway:NatGateway": "AWS::EC2::NatGateway",
    "aws:ec2/route:Route": "AWS::EC2::Route",
    "aws:ec2/routeTable:RouteTable": "AWS::EC2::RouteTable",
    "aws:ec2/routeTableAssociation:RouteTableAssociation": "AWS::EC2::SubnetRouteTableAssociation",
    "aws:kms/alias:Alias": "AWS::KMS::Alias",
    "aws:kms/replicaKey:ReplicaKey": "AWS::KMS::ReplicaKey",
    "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace": "AWS::ServiceDiscovery::PrivateDnsNamespace",
    "aws:servicediscovery/service:Service": "AWS::ServiceDiscovery::Service",
    "aws:sns/topicSubscription:TopicSubscription": "AWS::SNS::Subscription",
}
"""Types that the conversion to CloudFormation leaves out."""

NOT_OURS: Mapping[str, Sequence[str]] = {
    "features that no stack has": (
        "acm-pca:*", "acm:UpdateCertificateOptions", "application-autoscaling:*ScheduledAction", "autoscaling:*",
        "backup:*BackupVaultAccessPolicy", "backup:*BackupVaultNotifications", "backup:PutBackupVaultLockConfiguration",
        "backup-storage:Mount", "cognito-idp:*",
        "ec2:AcceptAddressTransfer", "ec2:*PrivateNatGatewayAddress", "ec2:*associateNatGatewayAddress",
        "ec2:*SubnetCidrBlock", "ec2:CreateVpcEncryptionControl", "ec2:ModifyVpcTenancy", "ecr:*RepositoryPolicy",
        "ecs:StopServiceDeployment", "elasticfilesystem:*", "elasticloadbalancing:Modify*Reservation",
        "elasticloadbalancing:ModifyIpPools", "firehose:*", "lambda:*CodeSigningConfig", "lambda:*Concurrency*",
        "lambda:*RecursionConfig", "lambda:*RuntimeManagementConfig", "lambda:*ScalingConfig",
        "lambda:AssociateRuntime*", "lambda:GetLayerVersion", "lambda:PassCapacityProvider", "lambda:PublishVersion",
        "logs:*DataProtectionPolicy",
        "logs:*IndexPolic*", "logs:*ResourcePolic*", "logs:PutBearerTokenAuthentication",
        "logs:PutLogGroupDeletionProtection", "rds:*RoleToDBInstance", "rds:*RoleFromDBInstance", "rds:*ReadReplica",
        "rds:*AutomatedBackupsReplication", "rds:RestoreDBInstance*", "s3:*", "s3files:*", "s3tables:*",
        "secretsmanager:GetRandomPassword", "servicediscovery:*ServiceAttributes", "sns:*DataProtectionPolicy",
        "vpc-lattice:*", "vpce:*",
    ),
    "what the provider does by another call, or doesn't do": (
        "cloudwatch:GetMetricData", "ec2:UpdateSecurityGroupRuleDescriptions*", "ecs:DescribeCapacityProviders",
        "ecs:ListTagsForResource", "ecs:PutAccountSetting*", "elasticache:*CacheCluster", "iam:ListRoles",
        "servicediscovery:ListServices", "sns:ListSubscriptionsByTopic",
    ),
    "what services do by roles of their own": (
        "elasticloadbalancing:*registerTargets", "elasticloadbalancing:RegisterTargets", "logs:CreateLogStream",
        "logs:PutLogEvents",
    ),
    "what a deploying role must not do": (
        "backup:DeleteBackupVaultLockConfiguration", "iam:DeleteRolePermissionsBoundary", "kms:DisableKey*",
        "kms:EnableKey", "logs:DisassociateKmsKey",
    ),
    "flow logs go to CloudWatch by a role of ours": ("logs:CreateLogDelivery", "logs:DeleteLogDelivery"),
}  # fmt: skip
"""Patterns of actions that the handlers ask for and the roles need not have, by reason."""


@functools.cache
def handlers(kind: str) -> frozenset[str]:
    """The actions that CloudFormation needs to make, read, change and remove a type of Pulumi's."""
    name = MORE.get(kind) or (CONVERTED[kind].name if kind in CONVERTED else "")
    if not name:
        return frozenset()
    found: Mapping[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, name).schema.get("handlers", {})
    return frozenset(
        action for handler, needs in found.items() if handler != "list" for action in needs.get("permissions", ())
    )


def matches(action: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)


@functools.cache
def allowed(environment: str) -> tuple[str, ...]:
    found = set()
    for document in policies("pitchbar", "123456789012", REGION, environment).values():
        for statement in document["Statement"]:
            actions = statement["Action"]
            found |= {actions} if isinstance(actions, str) else set(actions)
    return tuple(sorted(found))


@pytest.mark.parametrize("environment", sorted(PROGRAMS))
def test_a_role_may_do_what_aws_own_handlers_do(environment: str) -> None:
    known = [pattern for patterns in NOT_OURS.values() for pattern in patterns]
    asked = {(kind, action) for kind in declared(environment) for action in handlers(kind)}
    assert len(asked) > 200
    lacking = {(kind, action) for kind, action in asked if not matches(action, allowed(environment))}
    assert not {(kind, action) for kind, action in lacking if not matches(action, known)}


def test_every_exception_is_needed() -> None:
    lacking = {
        action
        for environment in PROGRAMS
        for kind in declared(environment)
        for action in handlers(kind)
        if not matches(action, allowed(environment))
    }
    assert not [
        pattern
        for patterns in NOT_OURS.values()
        for pattern in patterns
        if not any(matches(action, [pattern]) for action in lacking)
    ]


def test_what_is_made_can_be_tagged_where_it_is_made() -> None:
    """Everything is tagged, and read with its tags: by the same names as it is made by."""
    every = [need for needs in TYPES.values() for need in needs]
    narrow = set()
    for kind, needs in TYPES.items():
        for need in needs:
            if need.scope != "named" or not any(action.startswith("Create") for action in need.actions):
                continue
            tagging = {action for action in handlers(kind) if "Tag" in action and action.startswith(f"{need.service}:")}
            for action in tagging:
                granted = [other for other in every if f"{other.service}:{action.partition(':')[2]}" == action]
                where = {
                    end for other in granted if action.partition(":")[2] in other.actions for end in other.resources
                }
                narrow |= {(kind, action, end) for end in need.resources if where and end not in where}
    assert not narrow


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_requests_to_a_service_that_is_everywhere_the_same_are_in_one_region(region: str) -> None:
    found = {
        (action, statement["Condition"]["StringEquals"]["aws:RequestedRegion"])
        for statement in policies("pitchbar", "123456789012", region, "staging")["regional"]["Statement"]
        for action in statement["Action"]
        if action.startswith("route53:")
    }
    assert found and {place for _, place in found} == {"us-east-1"}
