"""What the role that deploys an environment may do: for each resource type of the program the actions that Pulumi's
provider calls to make, read, change and remove it, and where. `pitchbar bootstrap` renders it into policies, and a test
compares the types with those that the program declares: none missing, none to spare.

Actions are those of the `Service Authorization Reference`_ for the calls that the provider's documentation of each
resource names.

.. _Service Authorization Reference: https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Scope = Literal["named", "tagged", "regional"]
"""``named``: on what is called as the stack's things are. ``tagged``: on what carries the stack's tag, and requests
that give it. ``regional``: in the stack's region, for actions that AWS limits in no other way."""


@dataclass(frozen=True)
class Needs:
    """``actions`` without the service's name. ``resources``: the ends of ARNs; ``{name}`` stands for the beginning of
    the stack's names."""

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


_TAGS = "TagResource UntagResource ListTagsForResource"
_EC2_READS = _regional("ec2", "Describe* Get*")
_LB_READS = _regional("elasticloadbalancing", "Describe*")

TYPES: dict[str, tuple[Needs, ...]] = {
    # Network
    "aws:ec2/vpc:Vpc": (_EC2_READS, _tagged("ec2", "CreateVpc DeleteVpc ModifyVpcAttribute CreateTags DeleteTags")),
    "aws:ec2/subnet:Subnet": (_tagged("ec2", "CreateSubnet DeleteSubnet ModifySubnetAttribute"),),
    "aws:ec2/internetGateway:InternetGateway": (
        _tagged("ec2", "CreateInternetGateway DeleteInternetGateway AttachInternetGateway DetachInternetGateway"),
    ),
    "aws:ec2/eip:Eip": (_tagged("ec2", "AllocateAddress ReleaseAddress DisassociateAddress AssociateAddress"),),
    "aws:ec2/natGateway:NatGateway": (_tagged("ec2", "CreateNatGateway DeleteNatGateway"),),
    "aws:ec2/routeTable:RouteTable": (_tagged("ec2", "CreateRouteTable DeleteRouteTable"),),
    "aws:ec2/route:Route": (_tagged("ec2", "CreateRoute DeleteRoute ReplaceRoute"),),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": (
        _tagged("ec2", "AssociateRouteTable DisassociateRouteTable ReplaceRouteTableAssociation"),
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": (
        _tagged("ec2", "CreateVpcEndpoint DeleteVpcEndpoints ModifyVpcEndpoint"),
        _regional("ec2", "CreateVpcEndpoint"),
    ),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": (
        _regional("ec2", "RevokeSecurityGroupIngress RevokeSecurityGroupEgress"),
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
    "aws:ec2/flowLog:FlowLog": (
        _tagged("ec2", "CreateFlowLogs DeleteFlowLogs"),
        _regional("logs", "CreateLogDelivery DeleteLogDelivery"),
    ),
    # Keys, secrets
    "aws:kms/key:Key": (
        _tagged(
            "kms",
            "CreateKey DescribeKey EnableKeyRotation GetKeyPolicy GetKeyRotationStatus ListResourceTags PutKeyPolicy "
            "ScheduleKeyDeletion TagResource UntagResource UpdateKeyDescription CreateGrant Decrypt Encrypt "
            "GenerateDataKey GenerateDataKeyWithoutPlaintext ReplicateKey",
        ),
    ),
    "aws:kms/replicaKey:ReplicaKey": (_tagged("kms", "ReplicateKey CreateKey DescribeKey ScheduleKeyDeletion"),),
    "aws:kms/alias:Alias": (_named("kms", "CreateAlias DeleteAlias UpdateAlias", "alias/{name}*"),
                            _regional("kms", "ListAliases")),
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
}  # fmt: skip
"""The types that are declared, in the order of the design's nouns. Extended with the program; see the test."""


def types() -> Sequence[str]:
    """Every type of the table."""
    return tuple(TYPES)
