"""What holds for every kind of stack on AWS, whatever it is made of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bench.aws import paths
from infra.load import environment, load
from infra.model import Environment
from infra.paths import project_root
from infra.policy.control import Declared
from infra.policy.network import openings
from tests.support.aws import doubles, structure
from tests.support.aws.program import EXTRA, RELEASED, STACKS, configuration, program
from tests.support.engine import Recording, Registered

PROVIDER = "pulumi:providers:aws"
UNTAGGED = {
    "aws:appautoscaling/policy:Policy",
    "aws:cloudwatch/dashboard:Dashboard",
    "aws:cloudwatch/eventTarget:EventTarget",
    "aws:lambda/permission:Permission",
    "aws:sns/topicPolicy:TopicPolicy",
    "aws:acm/certificateValidation:CertificateValidation",
    "aws:backup/restoreTestingSelection:RestoreTestingSelection",
    "aws:backup/selection:Selection",
    "aws:backup/vaultLockConfiguration:VaultLockConfiguration",
    "aws:ec2/route:Route",
    "aws:ec2/routeTableAssociation:RouteTableAssociation",
    "aws:ecr/lifecyclePolicy:LifecyclePolicy",
    "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "aws:kms/alias:Alias",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "aws:s3/bucketLogging:BucketLogging",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:s3/bucketVersioning:BucketVersioning",
    "aws:secretsmanager/secretVersion:SecretVersion",
}
"""The types that take no tags: each is a part of something that has them, or lasts no longer than that."""

STATEFUL = {
    "aws:backup/vault:Vault",
    "aws:backup/vaultLockConfiguration:VaultLockConfiguration",
    "aws:elasticache/replicationGroup:ReplicationGroup",
    "aws:kms/key:Key",
    "aws:kms/replicaKey:ReplicaKey",
    "aws:rds/instance:Instance",
    "aws:s3/bucket:Bucket",
    "aws:secretsmanager/secret:Secret",
    "pitchbar:aws:Database",
    "pitchbar:index:Secret",
}
"""What keeps data or the keys to it: all of it is protected where the environment is, besides the releases' images."""

NAMED = {
    (
        "aws:backup/restoreTestingPlan:RestoreTestingPlan",
        "name",
    ): "AWS takes no hyphen in it, which autonaming puts in.",
    ("aws:backup/restoreTestingSelection:RestoreTestingSelection", "name"): "It is the plan's own.",
    ("aws:cloudwatch/logGroup:LogGroup", "name"): "AWS's services write to groups that are called after them.",
    ("aws:ecs/taskDefinition:TaskDefinition", "family"): "Revisions of one family follow each other.",
    ("aws:elasticache/parameterGroup:ParameterGroup", "family"): "It is the engine's.",
    ("aws:rds/instance:Instance", "identifier"): "The groups that its logs go to are called after it.",
    ("aws:rds/parameterGroup:ParameterGroup", "family"): "It is the engine's.",
    ("aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace", "name"): "It is a DNS name.",
    ("aws:servicediscovery/service:Service", "name"): "It is a DNS name.",
}
"""What the program names itself, with the reason; everything else is named by autonaming."""

LONGEST = {
    "aws:backup/vault:Vault": 50,
    "aws:cloudwatch/metricAlarm:MetricAlarm": 255,
    "aws:ecr/repository:Repository": 256,
    "aws:ecs/cluster:Cluster": 255,
    "aws:elasticache/parameterGroup:ParameterGroup": 255,
    "aws:elasticache/replicationGroup:ReplicationGroup": 40,
    "aws:elasticache/subnetGroup:SubnetGroup": 255,
    "aws:iam/role:Role": 64,
    "aws:lb/loadBalancer:LoadBalancer": 32,
    "aws:lb/targetGroup:TargetGroup": 32,
    "aws:rds/instance:Instance": 63,
    "aws:rds/parameterGroup:ParameterGroup": 255,
    "aws:rds/subnetGroup:SubnetGroup": 255,
    "aws:s3/bucket:Bucket": 63,
}
"""How long AWS lets names be."""


@pytest.fixture(scope="session")
def modelled(stack: str) -> Environment:
    """The environment that a stack is."""
    return environment(load(), "preview" if stack.startswith(("pr-", "preview")) else stack)


def test_everything_is_inside_one_component_under_the_stack(whole: Recording) -> None:
    declared = {each.urn for each in whole}
    tops = [each for each in whole if each.parent not in declared]
    assert all(each.parent.split("::")[2] == "pulumi:pulumi:Stack" for each in tops)
    assert {each.type for each in tops if each.custom} <= {PROVIDER}
    assert len([each for each in tops if not each.custom]) == 1


def test_everything_of_aws_is_tagged_with_the_project_the_stack_and_the_environment(
    whole: Recording, stack: str, modelled: Environment
) -> None:
    tags = {each.urn: json.loads(each.inputs["defaultTags"])["tags"] for each in whole.of(PROVIDER)}
    for resource in (each for each in whole if each.type.startswith("aws:")):
        provider = resource.options.provider.rpartition("::")[0]
        wanted = {"Project": "pitchbar", "Stack": stack, "Environment": modelled.name}
        assert wanted.items() <= tags[provider].items(), resource.name


def test_only_parts_of_something_else_take_no_tags() -> None:
    types = {each.type for stack in STACKS for each in program(stack) if each.type.startswith("aws:")}
    assert {type for type in types if "tags" not in structure.properties(type)} == UNTAGGED


def test_what_keeps_data_is_protected_where_the_environment_is(whole: Recording, modelled: Environment) -> None:
    protected = {each.type for each in whole if each.options.protect}
    stateful = [each for each in whole if each.custom and each.type in STATEFUL]
    assert stateful
    if modelled.protect:
        assert [each.name for each in stateful if not each.options.protect] == []
        assert protected == {each.type for each in stateful} | {"aws:ecr/repository:Repository"}
    else:
        assert protected == set()


def test_nobody_comes_in_from_everywhere_and_only_the_crawler_gets_out_to_everywhere(whole: Recording) -> None:
    declared = Declared(whole.resources)
    assert list(openings(declared, "ingress")) == []
    groups = {urn.rpartition("::")[2] for _, urn, _, _ in openings(declared, "egress")}
    workers = {
        each.name for each in whole if each.type == "aws:ec2/securityGroup:SecurityGroup" and "worker" in each.name
    }
    assert groups == workers
    assert {(first, last) for _, _, first, last in openings(declared, "egress")} <= {(80, 80), (443, 443)}


def test_names_are_left_to_autonaming(whole: Recording) -> None:
    for resource, key in _names(whole):
        assert key not in resource.inputs or (resource.type, key) in NAMED, f"{resource.type} {resource.name}: {key}"


def test_every_reason_for_a_name_is_needed() -> None:
    found = {(each.type, key) for stack in STACKS for each, key in _names(program(stack)) if key in each.inputs}
    assert found == NAMED.keys()


def _names(recording: Recording) -> Iterator[tuple[Registered, str]]:
    keys = ("name", "identifier", "replicationGroupId", "namePrefix", "identifierPrefix", "family", "bucketPrefix")
    for resource in recording:
        if resource.type.startswith("aws:"):
            known = structure.properties(resource.type)
            yield from ((resource, key) for key in keys if key in known)
    yield from ((resource, "bucket") for resource in recording.of("aws:s3/bucket:Bucket"))


def test_the_names_fit(whole: Recording) -> None:
    """Of a stack with the longest name that is allowed, autonaming's names are as long as AWS lets them be."""
    longest = "x" * 14
    for resource in whole:
        limit = LONGEST.get(resource.type)
        if limit:
            name = resource.inputs.get("identifier") or doubles.physical(resource.type, resource.name, longest)
            assert len(name) <= limit, name


def test_no_secret_is_in_a_plain_environment_nor_hidden_in_a_whole_definition(whole: Recording) -> None:
    for task in whole.of("aws:ecs/taskDefinition:TaskDefinition"):
        text = json.dumps(task.inputs)
        for secret in whole.of("pitchbar:index:Secret"):
            assert f"{secret.name}.value" not in text and f"{secret.name}.previous" not in text, task.name
        assert not task.secrets, "a diff that nobody can read hides what a release changes"


def test_every_generated_secret_stays_one_wherever_it_goes(whole: Recording) -> None:
    generated = {f"{each.name}.{part}" for each in whole.of("pitchbar:index:Secret") for part in ("value", "previous")}
    seen = 0
    for resource in whole:
        for name, value in resource.inputs.items():
            if any(secret in json.dumps(value, default=str) for secret in generated):
                seen += 1
                inside = {path.partition(".")[0] for path in resource.secrets}
                assert name in inside, f"{name} of {resource.type} {resource.name}"
    assert seen or not generated or len(whole.of("pitchbar:index:Secret")) == 1


def test_every_stack_has_what_the_tracked_files_leave_to_people(stack: str) -> None:
    assert configuration(stack).items() >= EXTRA.items()


@pytest.mark.parametrize("stack", ["production", "pr-12"])
def test_the_same_configuration_declares_the_same_twice(stack: str) -> None:
    """Another checkout and another moment change nothing but what is ignored after the first time."""
    first, second = (_shape(program(stack, **again)) for again in ({}, {"tls": "false"}))
    assert first == second


def _shape(recording: Recording) -> dict[str, Any]:
    return {
        each.urn: {name: _told(value) for name, value in each.inputs.items() if name not in each.options.ignore_changes}
        for each in recording
    }


def _told(value: Any) -> str:
    return json.dumps(value, default=vars, sort_keys=True)


def test_the_computed_paths_are_within_their_goals(whole: Recording, stack: str) -> None:
    first = paths.longest(whole, paths.making(whole))
    assert 100 < first.seconds <= paths.goal(f"first up of {stack}"), first.steps
    if whole.of(paths.SERVICE):
        release = paths.longest(whole, paths.releasing(whole, RELEASED), paths.draining(whole))
        assert 100 < release.seconds <= paths.goal("release"), release.steps
        assert release.drain > 0
        assert [name.partition(" ")[0] for name, _ in release.steps] == ["Migration", "Service", "Verification"]


def test_the_document_has_the_computed_figures() -> None:
    text = (project_root() / "docs" / "speed.md").read_text(encoding="utf-8")
    production, preview = program("production"), program("pr-12")
    release = paths.longest(production, paths.releasing(production, RELEASED), paths.draining(production))
    first = paths.longest(preview, paths.making(preview))
    assert f"computed {release.seconds:.0f} s: " in text and f"{release.drain:.0f} s in production" in text
    staging = program("staging")
    release = paths.longest(staging, paths.releasing(staging, RELEASED), paths.draining(staging))
    assert f"{release.drain:.0f} s in staging" in text
    assert f"computed {first.seconds:.0f} s |" in text


@pytest.mark.parametrize("stack", STACKS)
def test_what_holds_data_goes_with_what_is_in_it_but_in_production(stack: str) -> None:
    """`pulumi destroy` would stop at it elsewhere; in production that is the last thing between a mistake and the
    data. A copy of a public image is no data."""
    copies = {"postgres", "redis"}
    for kind, key in (
        ("aws:s3/bucket:Bucket", "forceDestroy"),
        ("aws:ecr/repository:Repository", "forceDelete"),
        ("aws:backup/vault:Vault", "forceDestroy"),
    ):
        for made in program(stack).of(kind):
            wanted = stack != "production" or ("Repository" in kind and made.name in copies)
            assert made.inputs[key] is wanted, made.urn
