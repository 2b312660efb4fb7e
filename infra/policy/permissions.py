"""What the role that deploys an environment may do: for each resource type of the program the actions that Pulumi's
provider calls to make, read, change and remove it, and on what. `pitchbar bootstrap` renders it into policies, and a
test compares the types with those that each environment's program declares: none missing, none to spare.

Actions and what they can be limited to are those of the `Service Authorization Reference`_.

.. _Service Authorization Reference: https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

from collections.abc import Iterator

from infra.policy.needs import Needs, named, regional, tagged
from infra.policy.needs_of_services import DATA, WATCHING
from infra.targets.aws.settings import settings

_BUCKET = "{name}*"
_KEY_USE = "CreateGrant Decrypt DescribeKey Encrypt GenerateDataKey GenerateDataKeyWithoutPlaintext RetireGrant"
_IN_ROLES = ()
"""Roles have statements of their own, with the boundary: :mod:`infra.policy.deploying`."""

TYPES: dict[str, tuple[Needs, ...]] = {
    **DATA,
    **WATCHING,
    "aws:ec2/vpc:Vpc": (
        regional("ec2", "Describe* Get*"),
        tagged("ec2", "CreateVpc DeleteVpc ModifyVpcAttribute CreateTags DeleteTags"),
    ),
    "aws:ec2/subnet:Subnet": (tagged("ec2", "CreateSubnet DeleteSubnet ModifySubnetAttribute"),),
    "aws:ec2/internetGateway:InternetGateway": (
        tagged("ec2", "CreateInternetGateway DeleteInternetGateway AttachInternetGateway DetachInternetGateway"),
    ),
    "aws:ec2/eip:Eip": (tagged("ec2", "AllocateAddress ReleaseAddress AssociateAddress DisassociateAddress"),),
    "aws:ec2/natGateway:NatGateway": (tagged("ec2", "CreateNatGateway DeleteNatGateway"),),
    "aws:ec2/routeTable:RouteTable": (tagged("ec2", "CreateRouteTable DeleteRouteTable"),),
    "aws:ec2/route:Route": (tagged("ec2", "CreateRoute DeleteRoute ReplaceRoute"),),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": (
        tagged("ec2", "AssociateRouteTable DisassociateRouteTable ReplaceRouteTableAssociation"),
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": (tagged("ec2", "CreateVpcEndpoint DeleteVpcEndpoints ModifyVpcEndpoint"),),
    # AWS makes it with the VPC, and without a tag.
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": (
        regional("ec2", "RevokeSecurityGroupIngress RevokeSecurityGroupEgress CreateTags"),
    ),
    "aws:ec2/securityGroup:SecurityGroup": (
        tagged("ec2", "CreateSecurityGroup DeleteSecurityGroup RevokeSecurityGroupEgress RevokeSecurityGroupIngress"),
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": (
        tagged("ec2", "AuthorizeSecurityGroupIngress RevokeSecurityGroupIngress ModifySecurityGroupRules"),
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": (
        tagged("ec2", "AuthorizeSecurityGroupEgress RevokeSecurityGroupEgress ModifySecurityGroupRules"),
    ),
    "aws:ec2/managedPrefixList:ManagedPrefixList": (
        tagged("ec2", "CreateManagedPrefixList DeleteManagedPrefixList ModifyManagedPrefixList"),
    ),
    "aws:ec2/flowLog:FlowLog": (tagged("ec2", "CreateFlowLogs DeleteFlowLogs"),),
    "aws:lb/loadBalancer:LoadBalancer": (
        regional("elasticloadbalancing", "Describe*"),
        tagged(
            "elasticloadbalancing",
            "CreateLoadBalancer DeleteLoadBalancer ModifyLoadBalancerAttributes SetIpAddressType SetSecurityGroups "
            "SetSubnets AddTags RemoveTags",
        ),
    ),
    "aws:lb/listener:Listener": (
        tagged("elasticloadbalancing", "CreateListener DeleteListener ModifyListener ModifyListenerAttributes"),
    ),
    "aws:lb/listenerRule:ListenerRule": (
        tagged("elasticloadbalancing", "CreateRule DeleteRule ModifyRule SetRulePriorities"),
    ),
    "aws:lb/targetGroup:TargetGroup": (
        tagged("elasticloadbalancing", "CreateTargetGroup DeleteTargetGroup ModifyTargetGroup "
                "ModifyTargetGroupAttributes"),
    ),
    "aws:acm/certificate:Certificate": (
        tagged("acm", "RequestCertificate DeleteCertificate AddTagsToCertificate RemoveTagsFromCertificate"),
        regional("acm", "DescribeCertificate ListTagsForCertificate"),
    ),
    "aws:acm/certificateValidation:CertificateValidation": (regional("acm", "DescribeCertificate"),),
    "aws:kms/key:Key": (
        tagged(
            "kms",
            f"CreateKey EnableKeyRotation GetKeyPolicy GetKeyRotationStatus ListResourceTags PutKeyPolicy "
            f"ScheduleKeyDeletion TagResource UntagResource UpdateKeyDescription ReplicateKey {_KEY_USE}",
        ),
    ),
    "aws:kms/replicaKey:ReplicaKey": (tagged("kms", "ReplicateKey CreateKey DescribeKey ScheduleKeyDeletion"),),
    "aws:kms/alias:Alias": (
        named("kms", "CreateAlias DeleteAlias UpdateAlias", "alias/{name}*"),
        tagged("kms", "CreateAlias DeleteAlias UpdateAlias"),
        regional("kms", "ListAliases"),
    ),
    "aws:secretsmanager/secret:Secret": (
        named(
            "secretsmanager",
            "CreateSecret DeleteSecret DescribeSecret GetResourcePolicy PutResourcePolicy DeleteResourcePolicy "
            "ReplicateSecretToRegions RemoveRegionsFromReplication TagResource UntagResource UpdateSecret",
            "secret:{name}*",
        ),
    ),
    "aws:secretsmanager/secretVersion:SecretVersion": (
        named("secretsmanager", "GetSecretValue PutSecretValue UpdateSecretVersionStage", "secret:{name}*"),
    ),
    "aws:s3/bucket:Bucket": (
        named("s3", "CreateBucket DeleteBucket ListBucket ListBucketVersions GetBucket* GetAccelerateConfiguration "
               "GetReplicationConfiguration PutBucketTagging", _BUCKET),
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": (
        named("s3", "GetLifecycleConfiguration PutLifecycleConfiguration", _BUCKET),
    ),
    "aws:s3/bucketLogging:BucketLogging": (named("s3", "PutBucketLogging", _BUCKET),),
    # In the release store: a statement of its own.
    "aws:s3/bucketObjectv2:BucketObjectv2": (),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": (
        named("s3", "GetBucketOwnershipControls PutBucketOwnershipControls", _BUCKET),
    ),
    "aws:s3/bucketPolicy:BucketPolicy": (named("s3", "PutBucketPolicy DeleteBucketPolicy", _BUCKET),),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": (named("s3", "PutBucketPublicAccessBlock", _BUCKET),),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        named("s3", "GetEncryptionConfiguration PutEncryptionConfiguration", _BUCKET),
    ),
    "aws:s3/bucketVersioning:BucketVersioning": (named("s3", "PutBucketVersioning", _BUCKET),),
    "aws:ecr/repository:Repository": (
        named(
            "ecr",
            "BatchCheckLayerAvailability BatchGetImage CompleteLayerUpload CreateRepository "
            "DeleteRepository DescribeImages DescribeRepositories GetDownloadUrlForLayer InitiateLayerUpload "
            "ListImages ListTagsForResource PutImage PutImageScanningConfiguration PutImageTagMutability TagResource "
            "UntagResource UploadLayerPart",
            "repository/{name}*",
        ),
        regional("ecr", "GetAuthorizationToken"),
    ),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": (
        named("ecr", "DeleteLifecyclePolicy GetLifecyclePolicy PutLifecyclePolicy", "repository/{name}*"),
    ),
    "aws:ecs/cluster:Cluster": (
        named("ecs", "CreateCluster DeleteCluster DescribeClusters PutClusterCapacityProviders TagResource "
               "UntagResource UpdateCluster UpdateClusterSettings", "cluster/{name}*"),
    ),
    "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": (
        named("ecs", "PutClusterCapacityProviders", "cluster/{name}*"),
    ),
    # Services and one-off tasks are in the cluster's part of the ARN, also those on a base's cluster.
    "aws:ecs/service:Service": (
        named("ecs", "CreateService DeleteService DescribeServices TagResource UntagResource UpdateService "
               "DescribeServiceDeployments ListServiceDeployments DescribeServiceRevisions", "service/{name}*",
               "service-deployment/{name}*", "service-revision/{name}*"),
    ),
    "aws:ecs/taskDefinition:TaskDefinition": (
        regional("ecs", "DeregisterTaskDefinition DescribeTaskDefinition"),
        named("ecs", "RegisterTaskDefinition TagResource RunTask", "task-definition/{name}*"),
    ),
    "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace": (
        tagged("servicediscovery", "CreatePrivateDnsNamespace DeleteNamespace GetNamespace "
                "UpdatePrivateDnsNamespace TagResource UntagResource"),
        regional("servicediscovery", "GetOperation ListTagsForResource"),
        regional("route53", "CreateHostedZone GetHostedZone ListHostedZonesByName DeleteHostedZone "
                  "AssociateVPCWithHostedZone ChangeResourceRecordSets"),
    ),
    "aws:servicediscovery/service:Service": (
        tagged("servicediscovery", "CreateService DeleteService DeregisterInstance GetService UpdateService "
                "ListInstances TagResource"),
        regional("servicediscovery", "GetOperation ListTagsForResource"),
    ),
    "aws:cloudwatch/logGroup:LogGroup": (
        named("logs", "AssociateKmsKey CreateLogGroup DeleteLogGroup DeleteRetentionPolicy ListTagsForResource "
               "PutRetentionPolicy TagResource UntagResource", "log-group:{name}*", "log-group:/*/{name}*"),
        regional("logs", "DescribeLogGroups"),
    ),
    "aws:iam/role:Role": _IN_ROLES,
    "aws:iam/rolePolicy:RolePolicy": _IN_ROLES,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _IN_ROLES,
}  # fmt: skip
"""By type of Pulumi's, in the order of the design's nouns."""

DESTROYING: dict[str, tuple[Needs, ...]] = {
    "aws:s3/bucket:Bucket": (named("s3", "DeleteObject DeleteObjectVersion", f"{_BUCKET}/*"),),
    "aws:ecr/repository:Repository": (named("ecr", "BatchDeleteImage", "repository/{name}*"),),
    # What is restored from is called as AWS Backup likes, and has its database's tags.
    "aws:backup/vault:Vault": (tagged("backup", "DeleteRecoveryPoint DescribeRecoveryPoint"),),
}
"""What it takes besides to empty what is removed, in environments whose settings say so: never in production."""

TASKS: tuple[Needs, ...] = (
    named("ecs", "DescribeTasks StopTask TagResource", "task/{name}*"),
    named("ecs", "ListTasks", "container-instance/{name}*", "cluster/{name}*"),
    named("logs", "GetLogEvents", "log-group:{name}*"),
)
"""What the plugin does itself: one-off tasks, and the proof of a roll-out (:mod:`infra.provider.aws`)."""

ABSENT: dict[str, tuple[str, ...]] = {
    "preview": (
        "aws:elasticache/", "aws:backup/", "aws:kms/replicaKey:", "aws:iam/rolePolicyAttachment:",
        "aws:s3/bucketLogging:", "aws:appautoscaling/", "aws:cloudwatch/dashboard:", "aws:cloudwatch/event",
        "aws:cloudwatch/metricAlarm:", "aws:lambda/", "aws:rds/eventSubscription:", "aws:sns/",
    ),
    "staging": (
        "aws:backup/restoreTesting", "aws:backup/vaultLockConfiguration:", "aws:servicediscovery/service:",
    ),
    "production": ("aws:servicediscovery/service:",),
}  # fmt: skip
"""The types that an environment's stacks don't declare, by the beginning of their names."""


def needed(environment: str) -> Iterator[Needs]:
    """All that the stacks of an environment need."""
    tables = (TYPES, DESTROYING) if settings(environment).force_destroy else (TYPES,)
    for kind, needs in (row for table in tables for row in table.items()):
        if not kind.startswith(ABSENT[environment]):
            yield from needs
    yield from TASKS
