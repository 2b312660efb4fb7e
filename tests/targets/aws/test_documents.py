"""The checks of JSON documents, by planted defects and by documents that are right."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.aws import documents
from tests.support.engine import Registered

ALLOW = {"Effect": "Allow", "Action": ["s3:GetObject", "ssmmessages:Open*"], "Resource": "arn:aws:s3:::b/*"}
POLICY = {"Version": "2012-10-17", "Statement": [ALLOW]}
TASKS = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
TRUST = {"Version": "2012-10-17", "Statement": TASKS}
BUCKET = {"Version": "2012-10-17", "Statement": [{**ALLOW, "Effect": "Deny", "Action": "s3:*", "Principal": "*"}]}
CONTAINER = {"name": "app", "image": "i", "readonlyRootFilesystem": True, "logConfiguration": {"logDriver": "awslogs"}}
METRICS = {"type": "metric", "width": 12, "height": 6, "properties": {"metrics": [["A", "B"]], "region": "us-east-1"}}
RULE = {
    "rulePriority": 1,
    "selection": {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14},
    "action": {"type": "expire"},
}
ROLE, POLICIES, DASHBOARD = "aws:iam/role:Role", "aws:iam/policy:Policy", "aws:cloudwatch/dashboard:Dashboard"
TASK, REGISTRY = "aws:ecs/taskDefinition:TaskDefinition", "aws:ecr/lifecyclePolicy:LifecyclePolicy"


def declared(type: str, **inputs: Any) -> Registered:
    """A resource with one document."""
    return Registered("urn", type, "thing", "parent", True, inputs, frozenset(), frozenset())


def found(type: str, path: str, document: Any) -> list[str]:
    """What is wrong with a document in an input of a resource."""
    return documents.problems([declared(type, **{path: json.dumps(document)})])


VALID = {
    "identity policy": (POLICIES, "policy", POLICY),
    "trust policy": (ROLE, "assumeRolePolicy", TRUST),
    "resource policy": ("aws:s3/bucketPolicy:BucketPolicy", "policy", BUCKET),
    "containers": (TASK, "containerDefinitions", [CONTAINER]),
    "dashboard": (DASHBOARD, "dashboardBody", {"widgets": [METRICS]}),
    "lifecycle": (REGISTRY, "policy", {"rules": [RULE]}),
    "event pattern": ("aws:cloudwatch/eventRule:EventRule", "eventPattern", {"source": ["aws.ecs"]}),
}


@pytest.mark.parametrize(("kind", "case"), VALID.items())
def test_a_document_that_is_right_has_no_problem_and_was_looked_at(kind: str, case: tuple[str, str, Any]) -> None:
    type, path, document = case
    assert found(type, path, document) == []
    assert documents.kinds([declared(type, **{path: json.dumps(document)})]) == {kind}


def changed(document: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**document, **changes}


DEFECTS: dict[str, tuple[str, str, Any, str]] = {
    "an old version": (POLICIES, "policy", changed(POLICY, Version="2008-10-17"), "must be version 2012-10-17"),
    "a misspelt element": (POLICIES, "policy", changed(POLICY, Statement=[{**ALLOW, "Resources": "*"}]), "Syntax"),
    "no resource": (POLICIES, "policy", changed(POLICY, Statement=[{"Effect": "Allow", "Action": "s3:*"}]), "resource"),
    "an action that isn't": (
        POLICIES,
        "policy",
        changed(POLICY, Statement=[{**ALLOW, "Action": "ecs:RunTaks"}]),
        "AWS has no action ecs:RunTaks",
    ),
    "an identity's principal": (
        POLICIES,
        "policy",
        changed(POLICY, Statement=[{**ALLOW, "Principal": "*"}]),
        "names no principal",
    ),
    "trust in a resource": (
        ROLE,
        "assumeRolePolicy",
        changed(TRUST, Statement={**TASKS, "Resource": "*"}),
        "field Resource",
    ),
    "trust in nobody": (ROLE, "assumeRolePolicy", changed(TRUST, Statement={**TASKS, "Principal": {}}), "principal"),
    "a misspelt key of a container": (
        TASK,
        "containerDefinitions",
        [changed(CONTAINER, readOnlyRootFilesystem=True)],
        'Unknown parameter in containerDefinitions[0]: "readOnlyRootFilesystem"',
    ),
    "a container's wrong type": (TASK, "containerDefinitions", [changed(CONTAINER, essential="true")], "Invalid type"),
    "a log driver that isn't": (
        TASK,
        "containerDefinitions",
        [changed(CONTAINER, logConfiguration={"logDriver": "awslog"})],
        "containerDefinitions[0].logConfiguration.logDriver is 'awslog', none of",
    ),
    "too wide a widget": (DASHBOARD, "dashboardBody", {"widgets": [changed(METRICS, width=25)]}, "maximum of 24"),
    "a widget without metrics": (
        DASHBOARD,
        "dashboardBody",
        {"widgets": [changed(METRICS, properties={"region": "us-east-1"})]},
        "'metrics' is a required property",
    ),
    "a rule without an age": (
        REGISTRY,
        "policy",
        {"rules": [{**RULE, "selection": {"tagStatus": "any", "countType": "sinceImagePushed", "countNumber": 1}}]},
        "is not valid under any of the given schemas",
    ),
    "a pattern without a list": (
        "aws:cloudwatch/eventRule:EventRule",
        "eventPattern",
        {"source": "aws.ecs"},
        "is not of type",
    ),
    "a document that nothing checks": ("aws:sqs/queue:Queue", "redrivePolicy", {"a": 1}, "is JSON that nothing checks"),
}


@pytest.mark.parametrize(("type", "path", "document", "said"), DEFECTS.values(), ids=DEFECTS)
def test_a_planted_defect_is_found(type: str, path: str, document: Any, said: str) -> None:
    problems = found(type, path, document)
    assert any(said in problem for problem in problems), problems


def test_a_policy_inside_a_list_and_one_that_is_an_object_are_checked() -> None:
    bad = {"Version": "2012-10-17", "Statement": [{**ALLOW, "Action": "s3:Nothing"}]}
    nested = declared(ROLE, assumeRolePolicy=TRUST, inlinePolicies=[{"name": "n", "policy": json.dumps(bad)}])
    assert documents.problems([nested]) == ["thing.inlinePolicies[].policy: AWS has no action s3:Nothing"]
    assert documents.kinds([nested]) == {"trust policy", "identity policy"}
