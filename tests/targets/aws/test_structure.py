"""The structural checker, by planted defects, and by programs that are right."""

import copy
from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from pulumi.runtime.rpc import UNKNOWN

from tests.support.aws import structure

SERVICE: dict[str, Any] = {
    "cluster": UNKNOWN,
    "desiredCount": 2.0,
    "launchType": "FARGATE",
    "networkConfiguration": {"subnets": ["subnet-1"], "securityGroups": [UNKNOWN], "assignPublicIp": False},
    "loadBalancers": [{"containerName": "app", "containerPort": 8000.0, "targetGroupArn": UNKNOWN}],
    "deploymentCircuitBreaker": {"enable": True, "rollback": True},
    "tags": {"Name": "app"},
}
RULE = {
    "defaultAction": "block",
    "name": "tick",
    "kind": "zone",
    "phase": "http_ratelimit",
    "zoneId": "z",
    "rules": [
        {"action": "block", "expression": "true", "ratelimit": {"characteristics": ["ip.src"], "period": 60.0}},
    ],
}
VALID: dict[str, tuple[str, dict[str, Any]]] = {
    "service": ("aws:ecs/service:Service", SERVICE),
    "script": (
        "cloudflare:index/workersScript:WorkersScript",
        {
            "accountId": "a",
            "scriptName": "tick",
            "content": "export default {}",
            "bindings": [{"name": "TOKEN", "type": "secret_text", "text": "t"}],
        },
    ),
    "ruleset": (
        "cloudflare:index/ruleset:Ruleset",
        {name: value for name, value in RULE.items() if name != "defaultAction"},
    ),
    "image": (
        "docker:index/image:Image",
        {"imageName": UNKNOWN, "build": {"context": "app", "args": {"BASE_IMAGE": "python"}}, "registry": UNKNOWN},
    ),
    "provider": (
        "pulumi:providers:aws",
        {"region": "us-east-1", "defaultTags": '{"tags":{"project":"pitchbar"}}', "skipMetadataApiCheck": "true"},
    ),
    "object": (
        "aws:s3/bucketObjectv2:BucketObjectv2",
        {"bucket": "b", "source": pulumi.StringAsset("text")},
    ),
    "role": ("aws:iam/role:Role", {"assumeRolePolicy": "{}"}),
}


def put(*path: str | int, value: Any) -> Callable[[dict[str, Any]], None]:
    """Set what lies at a path; a value of None removes it."""

    def change(inputs: dict[str, Any]) -> None:
        part: Any = inputs
        for step in path[:-1]:
            part = part[step]
        part[path[-1]] = value
        if value is None:
            del part[path[-1]]

    return change


DEFECTS = {
    "an unknown property": (
        "service",
        put("desired_count", value=2.0),
        ["aws:ecs/service:Service.desired_count is unknown; desiredCount was probably meant"],
    ),
    "a misspelt nested property": (
        "service",
        put("networkConfiguration", "securityGroup", value=[]),
        ["aws:ecs/service:Service.networkConfiguration.securityGroup is unknown; securityGroups was probably meant"],
    ),
    "one that means nothing": (
        "service",
        put("loadBalancers", 0, "zzz", value=True),
        ["aws:ecs/service:Service.loadBalancers[0].zzz is unknown"],
    ),
    "a missing nested property": (
        "service",
        put("loadBalancers", 0, "containerPort", value=None),
        ["aws:ecs/service:Service.loadBalancers[0].containerPort is missing"],
    ),
    "a missing property": (
        "script",
        put("accountId", value=None),
        ["cloudflare:index/workersScript:WorkersScript.accountId is missing"],
    ),
    "text for a number": (
        "service",
        put("desiredCount", value="2"),
        ['aws:ecs/service:Service.desiredCount is "2", not a whole number'],
    ),
    "a fraction": (
        "service",
        put("desiredCount", value=1.5),
        ["aws:ecs/service:Service.desiredCount is 1.5, not a whole number"],
    ),
    "text for a truth": (
        "service",
        put("deploymentCircuitBreaker", "enable", value="true"),
        ['aws:ecs/service:Service.deploymentCircuitBreaker.enable is "true", not true or false'],
    ),
    "a truth for text": (
        "service",
        put("tags", "Name", value=True),
        ["aws:ecs/service:Service.tags.Name is True, not a text"],
    ),
    "one thing for a list": (
        "service",
        put("networkConfiguration", "subnets", value="subnet-1"),
        ['aws:ecs/service:Service.networkConfiguration.subnets is "subnet-1", not a list'],
    ),
    "a list for an object": (
        "ruleset",
        put("rules", 0, "ratelimit", value=[]),
        ["cloudflare:index/ruleset:Ruleset.rules[0].ratelimit is [], not an object"],
    ),
    "a list for a map": (
        "image",
        put("build", "args", value=["A=1"]),
        ["docker:index/image:Image.build.args is ['A=1'], not a map"],
    ),
    "text for an asset": (
        "object",
        put("source", value="app.zip"),
        ['aws:s3/bucketObjectv2:BucketObjectv2.source is "app.zip", not Asset'],
    ),
    "a provider's nested setting": (
        "provider",
        put("defaultTags", value='{"tag":{}}'),
        ["pulumi:providers:aws.defaultTags.tag is unknown; tags was probably meant"],
    ),
}


@pytest.mark.parametrize(("token", "inputs"), VALID.values(), ids=VALID)
def test_what_is_right_has_no_problem(token: str, inputs: dict[str, Any]) -> None:
    assert structure.problems(token, inputs) == []


@pytest.mark.parametrize(("name", "defect", "expected"), DEFECTS.values(), ids=DEFECTS)
def test_a_planted_defect_is_found(name: str, defect: Callable[[dict[str, Any]], None], expected: list[str]) -> None:
    token, inputs = VALID[name]
    inputs = copy.deepcopy(inputs)
    defect(inputs)
    assert structure.problems(token, inputs) == expected


@pytest.mark.parametrize("token", ["aws:ecs/service:Servce", "aws:ecs:Service", "gcp:a/b:C", "pulumi:providers:gcp"])
def test_an_unknown_token_is_found(token: str) -> None:
    [problem] = structure.problems(token, {})
    assert problem.startswith(f"{token} is no resource of pulumi-")


def test_every_resource_of_the_wheels_is_known() -> None:
    """As many as the providers' registries list, so none is passed over by a change of the packages' layout."""
    counts = {package: len(structure.tokens(package)) for package in structure.PACKAGES}
    assert counts["aws"] > 1700 and counts["cloudflare"] > 300 and counts["docker"] == 12
    for package in structure.PACKAGES:
        for token in structure.tokens(package):
            assert structure.args_class(token)
