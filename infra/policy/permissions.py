"""What the role that deploys an environment may do: for each resource type of the program the actions that Pulumi's
provider calls to make, read, change and remove it, and on what. `pitchbar bootstrap` renders it into policies, and a
test compares the types with those that each environment's program declares: none missing, none to spare.

Actions and what they can be limited to are those of the `Service Authorization Reference`_.

.. _Service Authorization Reference: https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Scope = Literal["named", "tagged", "regional"]
"""``named``: on what is called as the stack's things are. ``tagged``: on what carries the stack's tag, and requests
that give it. ``regional``: in the stack's region, for actions that AWS limits in no other way."""


@dataclass(frozen=True)
class Needs:
    """``actions`` without the service's name. ``resources``: the ends of ARNs; ``{name}`` stands for the beginning of
    the stack's names, ``{stack}`` for the stack's own."""

    service: str
    scope: Scope
    actions: tuple[str, ...]
    resources: tuple[str, ...] = ("*",)


def _named(service: str, actions: str, *resources: str) -> Needs:
    return Needs(service, "named", tuple(actions.split()), resources)


def _tagged(service: str, actions: str) -> Needs:
    return Needs(service, "tagged", tuple(actions.split()))


def _regional(service: str, actions: str) -> Needs:
    return Needs(service, "regional", tuple(actions.split()))


_BUCKET = "{name}*"
_VAULT, _PLANS = "backup-vault:{name}*", ("backup-plan:*", "restore-testing-plan:*")
_KEY_USE = "CreateGrant Decrypt DescribeKey Encrypt GenerateDataKey GenerateDataKeyWithoutPlaintext"
_IN_ROLES = ()
"""Roles have statements of their own, with the boundary: :mod:`infra.policy.deploying`."""

TYPES: dict[str, tuple[Needs, ...]] = {
    "aws:ec2/vpc:Vpc": (
        _regional("ec2", "Describe* Get*"),
        _tagged("ec2", "CreateVpc DeleteVpc ModifyVpcAttribute CreateTags DeleteTags"),
    ),
    "aws:ec2/subnet:Subnet": (_tagged("ec2", "CreateSubnet DeleteSubnet ModifySubnetAttribute"),),
    "aws:ec2/internetGateway:InternetGateway": (
        _tagged("ec2", "CreateInternetGateway DeleteInternetGateway AttachInternetGateway DetachInternetGateway"),
    ),
    "aws:ec2/eip:Eip": (_tagged("ec2", "AllocateAddress ReleaseAddress AssociateAddress DisassociateAddress"),),
    "aws:ec2/natGateway:NatGateway": (_tagged("ec2", "CreateNatGateway DeleteNatGateway"),),
    "aws:ec2/routeTable:RouteTable": (_tagged("ec2", "CreateRouteTable DeleteRouteTable"),),
    "aws:ec2/route:Route": (_tagged("ec2", "CreateRoute DeleteRoute ReplaceRoute"),),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": (
        _tagged("ec2", "AssociateRouteTable DisassociateRouteTable ReplaceRouteTableAssociation"),
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": (_tagged("ec2", "CreateVpcEndpoint DeleteVpcEndpoints ModifyVpcEndpoint"),),
    # AWS makes it with the VPC, and without a tag.
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": (
        _regional("ec2", "RevokeSecurityGroupIngress RevokeSecurityGroupEgress CreateTags"),
    ),
    "aws:ec2/securityGroup:SecurityGroup": (
        _tagged("ec2", "CreateSecurityGroup DeleteSecurityGroup RevokeSecurityGroupEgress RevokeSecurityGroupIngress"),
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": (
        _tagged("ec2", "AuthorizeSecurityGroupIngress RevokeSecurityGroupIngress ModifySecurityGroupRules"),
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": (
        _tagged("ec2", "AuthorizeSecurityGroupEgress RevokeSecurityGroupEgress ModifySecurityGroupRules"),
    ),
    "aws:ec2/managedPrefixList:ManagedPrefixList": (
        _tagged("ec2", "CreateManagedPrefixList DeleteManagedPrefixList ModifyManagedPrefixList"),
    ),
    "aws:ec2/flowLog:FlowLog": (_tagged("ec2", "CreateFlowLogs DeleteFlowLogs"),),
    "aws:lb/loadBalancer:LoadBalancer": (
        _regional("elasticloadbalancing", "Describe*"),
        _tagged(
            "elasticloadbalancing",
            "CreateLoadBalancer DeleteLoadBalancer ModifyLoadBalancerAttributes SetIpAddressType SetSecurityGroups "
            "SetSubnets AddTags RemoveTags",
        ),
    ),
    "aws:lb/listener:Listener": (
        _tagged("elasticloadbalancing", "CreateListener DeleteListener ModifyListener ModifyListenerAttributes"),
    ),
    "aws:lb/listenerRule:ListenerRule": (
        _tagged("elasticloadbalancing", "CreateRule DeleteRule ModifyRule SetRulePriorities"),
    ),
    "aws:lb/targetGroup:TargetGroup": (
        _tagged("elasticloadbalancing", "CreateTargetGroup DeleteTargetGroup ModifyTargetGroup "
                "ModifyTargetGroupAttributes"),
    ),
    "aws:acm/certificate:Certificate": (
        _tagged("acm", "RequestCertificate DeleteCertificate AddTagsToCertificate RemoveTagsFromCertificate"),
        _regional("acm", "DescribeCertificate ListTagsForCertificate"),
    ),
    "aws:acm/certificateValidation:CertificateValidation": (_regional("acm", "DescribeCertificate"),),
    "aws:kms/key:Key": (
        _tagged(
            "kms",
            f"CreateKey EnableKeyRotation GetKeyPolicy GetKeyRotationStatus ListResourceTags PutKeyPolicy "
            f"ScheduleKeyDeletion TagResource UntagResource UpdateKeyDescription ReplicateKey {_KEY_USE}",
        ),
    ),
    "aws:kms/replicaKey:ReplicaKey": (_tagged("kms", "ReplicateKey CreateKey DescribeKey ScheduleKeyDeletion"),),
    "aws:kms/alias:Alias": (
        _named("kms", "CreateAlias DeleteAlias UpdateAlias", "alias/{name}*"),
        _tagged("kms", "CreateAlias DeleteAlias UpdateAlias"),
        _regional("kms", "ListAliases"),
    ),
    "aws:secretsmanager/secret:Secret": (
        _named(
            "secretsmanager",
            "CreateSecret DeleteSecret DescribeSecret GetResourcePolicy PutResourcePolicy DeleteResourcePolicy "
            "ReplicateSecretToRegions RemoveRegionsFromReplication TagResource UntagResource UpdateSecret",
            "secret:{name}*",
        ),
    ),
    "aws:secretsmanager/secretVersion:SecretVersion": (
        _named("secretsmanager", "GetSecretValue PutSecretValue UpdateSecretVersionStage", "secret:{name}*"),
    ),
    "aws:s3/bucket:Bucket": (
        _named("s3", "CreateBucket DeleteBucket ListBucket ListBucketVersions GetBucket* GetAccelerateConfiguration "
               "GetReplicationConfiguration PutBucketTagging", _BUCKET),
        _named("s3", "DeleteObject DeleteObjectVersion", f"{_BUCKET}/*"),
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": (
        _named("s3", "GetLifecycleConfiguration PutLifecycleConfiguration", _BUCKET),
    ),
    "aws:s3/bucketLogging:BucketLogging": (_named("s3", "PutBucketLogging", _BUCKET),),
    # In the release store: a statement of its own.
    "aws:s3/bucketObjectv2:BucketObjectv2": (),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": (
        _named("s3", "GetBucketOwnershipControls PutBucketOwnershipControls", _BUCKET),
    ),
    "aws:s3/bucketPolicy:BucketPolicy": (_named("s3", "PutBucketPolicy DeleteBucketPolicy", _BUCKET),),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": (_named("s3", "PutBucketPublicAccessBlock", _BUCKET),),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        _named("s3", "GetEncryptionConfiguration PutEncryptionConfiguration", _BUCKET),
    ),
    "aws:s3/bucketVersioning:BucketVersioning": (_named("s3", "PutBucketVersioning", _BUCKET),),
    "aws:rds/instance:Instance": (
        _named(
            "rds",
            "AddTagsToResource CreateDBInstance DeleteDBInstance ListTagsForResource ModifyDBInstance "
            "RebootDBInstance RemoveTagsFromResource CreateDBSnapshot",
            "db:{name}*", "snapshot:{name}*", "pg:{name}*", "subgrp:{name}*",
        ),
        _regional("rds", "Describe*"),
        # RDS keeps the master user's password in a secret of its own, for which it asks as the one who makes it.
        _named("secretsmanager", "CreateSecret TagResource DescribeSecret RotateSecret", "secret:rds!db-*"),
    ),
    "aws:rds/parameterGroup:ParameterGroup": (
        _named("rds", "CreateDBParameterGroup DeleteDBParameterGroup ModifyDBParameterGroup ResetDBParameterGroup",
               "pg:{name}*"),
    ),
    "aws:rds/subnetGroup:SubnetGroup": (
        _named("rds", "CreateDBSubnetGroup DeleteDBSubnetGroup ModifyDBSubnetGroup", "subgrp:{name}*"),
    ),
    "aws:elasticache/replicationGroup:ReplicationGroup": (
        _named(
            "elasticache",
            "AddTagsToResource CreateReplicationGroup CreateSnapshot DeleteReplicationGroup ListTagsForResource "
            "ModifyReplicationGroup ModifyReplicationGroupShardConfiguration RemoveTagsFromResource "
            "IncreaseReplicaCount DecreaseReplicaCount",
            "replicationgroup:{name}*", "cluster:{name}*", "snapshot:{name}*", "parametergroup:{name}*",
            "subnetgroup:{name}*",
        ),
        _regional("elasticache", "Describe*"),
    ),
    "aws:elasticache/parameterGroup:ParameterGroup": (
        _named("elasticache", "CreateCacheParameterGroup DeleteCacheParameterGroup ModifyCacheParameterGroup "
               "ResetCacheParameterGroup", "parametergroup:{name}*"),
    ),
    "aws:elasticache/subnetGroup:SubnetGroup": (
        _named("elasticache", "CreateCacheSubnetGroup DeleteCacheSubnetGroup ModifyCacheSubnetGroup",
               "subnetgroup:{name}*"),
    ),
    "aws:backup/vault:Vault": (
        _named("backup", "CreateBackupVault DeleteBackupVault DescribeBackupVault ListTags TagResource UntagResource "
               "ListRecoveryPointsByBackupVault", _VAULT),
        _regional("backup-storage", "MountCapsule"),
    ),
    "aws:backup/vaultLockConfiguration:VaultLockConfiguration": (
        _named("backup", "PutBackupVaultLockConfiguration DeleteBackupVaultLockConfiguration", _VAULT),
    ),
    "aws:backup/plan:Plan": (
        _named("backup", "CreateBackupPlan DeleteBackupPlan GetBackupPlan UpdateBackupPlan ListTags TagResource "
               "UntagResource", *_PLANS),
    ),
    "aws:backup/selection:Selection": (
        _named("backup", "CreateBackupSelection DeleteBackupSelection GetBackupSelection", *_PLANS),
    ),
    "aws:backup/restoreTestingPlan:RestoreTestingPlan": (
        _named("backup", "CreateRestoreTestingPlan DeleteRestoreTestingPlan GetRestoreTestingPlan "
               "UpdateRestoreTestingPlan", *_PLANS),
    ),
    "aws:backup/restoreTestingSelection:RestoreTestingSelection": (
        _named("backup", "CreateRestoreTestingSelection DeleteRestoreTestingSelection GetRestoreTestingSelection "
               "UpdateRestoreTestingSelection", *_PLANS),
    ),
    "aws:ecr/repository:Repository": (
        _named(
            "ecr",
            "BatchCheckLayerAvailability BatchDeleteImage BatchGetImage CompleteLayerUpload CreateRepository "
            "DeleteRepository DescribeImages DescribeRepositories GetDownloadUrlForLayer InitiateLayerUpload "
            "ListImages ListTagsForResource PutImage PutImageScanningConfiguration PutImageTagMutability TagResource "
            "UntagResource UploadLayerPart",
            "repository/{name}*",
        ),
        _regional("ecr", "GetAuthorizationToken"),
    ),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": (
        _named("ecr", "DeleteLifecyclePolicy GetLifecyclePolicy PutLifecyclePolicy", "repository/{name}*"),
    ),
    "aws:ecs/cluster:Cluster": (
        _named("ecs", "CreateCluster DeleteCluster DescribeClusters PutClusterCapacityProviders TagResource "
               "UntagResource UpdateCluster UpdateClusterSettings", "cluster/{name}*"),
    ),
    "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": (
        _named("ecs", "PutClusterCapacityProviders", "cluster/{name}*"),
    ),
    # Services and one-off tasks are in the cluster's part of the ARN, also those on a base's cluster.
    "aws:ecs/service:Service": (
        _named("ecs", "CreateService DeleteService DescribeServices TagResource UntagResource UpdateService "
               "DescribeServiceDeployments ListServiceDeployments DescribeServiceRevisions", "service/{name}*",
               "service-deployment/{name}*", "service-revision/{name}*"),
    ),
    "aws:ecs/taskDefinition:TaskDefinition": (
        _regional("ecs", "DeregisterTaskDefinition DescribeTaskDefinition"),
        _named("ecs", "RegisterTaskDefinition TagResource RunTask", "task-definition/{name}*"),
    ),
    "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace": (
        _tagged("servicediscovery", "CreatePrivateDnsNamespace DeleteNamespace GetNamespace "
                "UpdatePrivateDnsNamespace TagResource UntagResource"),
        _regional("servicediscovery", "GetOperation ListTagsForResource"),
        _regional("route53", "CreateHostedZone GetHostedZone ListHostedZonesByName DeleteHostedZone "
                  "AssociateVPCWithHostedZone"),
    ),
    "aws:servicediscovery/service:Service": (
        _tagged("servicediscovery", "CreateService DeleteService GetService UpdateService ListInstances TagResource"),
        _regional("servicediscovery", "GetOperation ListTagsForResource"),
    ),
    "aws:cloudwatch/logGroup:LogGroup": (
        _named("logs", "AssociateKmsKey CreateLogGroup DeleteLogGroup DeleteRetentionPolicy ListTagsForResource "
               "PutRetentionPolicy TagResource UntagResource", "log-group:{name}*", "log-group:/*/{name}*"),
        _regional("logs", "DescribeLogGroups"),
    ),
    "aws:iam/role:Role": _IN_ROLES,
    "aws:iam/rolePolicy:RolePolicy": _IN_ROLES,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _IN_ROLES,
}  # fmt: skip
"""By type of Pulumi's, in the order of the design's nouns."""

TASKS: tuple[Needs, ...] = (
    _named("ecs", "DescribeTasks StopTask", "task/{name}*"),
    _named("ecs", "ListTasks", "container-instance/{name}*", "cluster/{name}*"),
    _named("logs", "GetLogEvents", "log-group:{name}*"),
)
"""What the plugin does itself: one-off tasks, and the proof of a roll-out (:mod:`infra.provider.aws`)."""

ABSENT: dict[str, tuple[str, ...]] = {
    "preview": (
        "aws:elasticache/", "aws:backup/", "aws:kms/replicaKey:", "aws:iam/rolePolicyAttachment:",
        "aws:s3/bucketLogging:",
    ),
    "staging": (
        "aws:backup/restoreTesting", "aws:backup/vaultLockConfiguration:", "aws:servicediscovery/service:",
    ),
    "production": ("aws:servicediscovery/service:",),
}  # fmt: skip
"""The types that an environment's stacks don't declare, by the beginning of their names."""


def needed(environment: str) -> Iterator[Needs]:
    """All that the stacks of an environment need."""
    for kind, needs in TYPES.items():
        if not kind.startswith(ABSENT[environment]):
            yield from needs
    yield from TASKS
