"""What botocore, moto, cfn-lint and checkov say of the program, for every kind of stack."""

from __future__ import annotations

import functools

from tests.support.aws import documents, posture
from tests.support.aws.cloudformation import Conversion, convert, lint
from tests.support.aws.program import STACKS, program
from tests.support.engine import Recording

UNCONVERTED = {
    "aws:acm/certificate:Certificate",
    "aws:acm/certificateValidation:CertificateValidation",
    "aws:backup/plan:Plan",
    "aws:backup/restoreTestingPlan:RestoreTestingPlan",
    "aws:backup/restoreTestingSelection:RestoreTestingSelection",
    "aws:backup/selection:Selection",
    "aws:backup/vaultLockConfiguration:VaultLockConfiguration",
    "aws:cloudwatch/eventTarget:EventTarget",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    "aws:ec2/eip:Eip",
    "aws:ec2/internetGateway:InternetGateway",
    "aws:ec2/managedPrefixList:ManagedPrefixList",
    "aws:ec2/natGateway:NatGateway",
    "aws:ec2/route:Route",
    "aws:ec2/routeTable:RouteTable",
    "aws:ec2/routeTableAssociation:RouteTableAssociation",
    "aws:kms/alias:Alias",
    "aws:kms/replicaKey:ReplicaKey",
    "aws:s3/bucketObjectv2:BucketObjectv2",
    "aws:secretsmanager/secretVersion:SecretVersion",
    "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace",
    "aws:servicediscovery/service:Service",
}
"""The types that cfn-lint and checkov never see: only the structural checker and the invariants look at them."""

PR = tuple(stack for stack in STACKS if stack.startswith("pr-"))
ALLOWED: dict[tuple[str, str], tuple[tuple[str, ...], str]] = {
    ("CKV_AWS_18", "AWS::S3::Bucket.LogsBucket"): (
        ("production", "staging", "preview-base"),
        "The bucket of the logs can't log to itself without end.",
    ),
    ("CKV_AWS_18", "AWS::S3::Bucket.FilesBucket"): (PR, "A pull request's files are nobody's, and gone with it."),
    ("CKV_AWS_21", "AWS::S3::Bucket.FilesBucket"): (PR, "A pull request's files are nobody's, and gone with it."),
    ("CKV_AWS_65", "AWS::ECS::Cluster.ClusterCluster"): (
        ("preview-base",),
        "Nobody looks at the graphs of previews, and each metric costs.",
    ),
    ("CKV_AWS_115", "AWS::Lambda::Function.QueueProbeFunction"): (
        ("production", "staging"),
        "It is called once a minute, so a reserve of its own would only take from the account's.",
    ),
    ("CKV_AWS_116", "AWS::Lambda::Function.QueueProbeFunction"): (
        ("production", "staging"),
        "A measurement that failed is worth nothing later; the next minute has its own, and an alarm misses them.",
    ),
    ("CKV_AWS_118", "AWS::RDS::DBInstance.PostgresInstance"): (
        ("preview-base",),
        "The databases of previews are small, and nobody waits for them.",
    ),
    ("CKV_AWS_157", "AWS::RDS::DBInstance.PostgresInstance"): (
        ("staging", "preview-base"),
        "Only production pays for a standby: staging can wait for a restore.",
    ),
}
"""What checkov finds and we leave: check and resource, with the stacks and the reason. An entry that nothing needs
fails."""


@functools.cache
def converted(stack: str) -> Conversion:
    """A stack's program as CloudFormation."""
    return convert(program(stack))


def test_every_json_document_is_right(whole: Recording) -> None:
    assert documents.problems(whole) == []
    assert documents.kinds(whole) >= {"identity policy", "resource policy", "trust policy"}


def test_the_documents_of_every_kind_are_there() -> None:
    found = set().union(*(documents.kinds(program(stack)) for stack in STACKS))
    kinds = {kind for kind, _ in documents.CHECKS.values()}
    assert found == kinds


def test_cfn_lint_finds_no_error(stack: str) -> None:
    assert lint(converted(stack).template()) == []


def test_nothing_is_lost_in_the_conversion_but_what_is_listed() -> None:
    assert set().union(*(converted(stack).types_left for stack in STACKS)) == UNCONVERTED
    assert set().union(*(converted(stack).properties_left for stack in STACKS)) == set()


def test_checkov_finds_what_is_allowed_with_a_reason_and_no_more() -> None:
    found = posture.findings({stack: converted(stack).template() for stack in STACKS})
    left = {(each.check, each.resource, each.stack): each.title for each in found}
    allowed = {(*key, stack) for key, (stacks, _) in ALLOWED.items() for stack in stacks}
    assert {key: title for key, title in left.items() if key not in allowed} == {}
    assert allowed - left.keys() == set(), "these allowances aren't needed any more"


def test_each_allowance_is_explained_in_a_sentence() -> None:
    for stacks, reason in ALLOWED.values():
        assert set(stacks) <= set(STACKS)
        assert reason[0].isupper() and reason.endswith(".")
