"""What the tasks of a whole stack are allowed to do is let through by the endpoints of the network that they run in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.aws.documents import listed, statements
from tests.support.aws.program import BASE, program
from tests.support.engine import Recording

INSIDE = ("ecs-tasks.amazonaws.com", "lambda.amazonaws.com")
"""What takes a role and runs in the network."""

ROLE, POLICY, ENDPOINT = "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy", "aws:ec2/vpcEndpoint:VpcEndpoint"
NETWORKS = {"production": "production", "staging": "staging", "pr-12": BASE}
"""The stack whose network a stack runs in."""


def allowed(recording: Recording) -> Iterator[tuple[str, str]]:
    """Each role that runs inside, with each action that it may call by itself."""
    roles = {
        role.urn: role.name
        for role in recording.of(ROLE)
        if statements(role.inputs["assumeRolePolicy"])[0]["Principal"]["Service"] in INSIDE
    }
    for policy in recording.of(POLICY):
        for urn in policy.sources["role"] & roles.keys():
            for statement in statements(policy.inputs["policy"]):
                if "kms:ViaService" not in json.dumps(statement.get("Condition", {})):
                    yield from ((roles[urn], action) for action in listed(statement["Action"]))


def let_through(recording: Recording) -> set[str]:
    found: set[str] = set()
    for endpoint in recording.of(ENDPOINT):
        for statement in statements(endpoint.inputs["policy"]):
            found |= set(listed(statement["Action"]))
    return found


OUTSIDE = {
    "kms:GenerateDataKey": "whoever opens a session has KMS make its key; what runs inside only decrypts that",
    "ec2:CreateNetworkInterface": "Lambda itself puts a function into the network",
    "ec2:DeleteNetworkInterface": "the same",
    "ec2:DescribeNetworkInterfaces": "the same",
    "ec2:DescribeSubnets": "the same",
}
"""What those roles allow and nobody does from inside."""


@pytest.mark.parametrize("stack", sorted(NETWORKS))
def test_what_a_task_may_do_is_let_through(stack: str) -> None:
    calls: list[tuple[str, Any]] = list(allowed(program(stack)))
    assert {"app-task", "execution", "migration-task", "worker-task"} <= {role for role, _ in calls}
    open_ways = let_through(program(NETWORKS[stack])) | OUTSIDE.keys()
    assert [(role, action) for role, action in calls if action not in open_ways] == []


@pytest.mark.parametrize("stack", sorted(set(NETWORKS.values())))
def test_no_way_is_open_that_nobody_takes(stack: str) -> None:
    used = {action for each, network in NETWORKS.items() if network == stack for _, action in allowed(program(each))}
    assert let_through(program(stack)) - used <= {"s3:AbortMultipartUpload"}
