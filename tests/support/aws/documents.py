"""The JSON documents inside a program's inputs: who checks which, and what is wrong with them.

Policies go to moto's validators and their actions to cfn-lint's list of all that AWS has; container definitions to
botocore's model of ECS; dashboards, lifecycle rules and event patterns to what AWS documents of them. A text that is
JSON and that nothing here knows is a problem too.
"""

from __future__ import annotations

import fnmatch
import functools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import botocore.loaders
import botocore.model
import botocore.validate
import cfnlint
import jsonschema
from moto.iam.exceptions import MalformedPolicyDocument
from moto.iam.policy_validation import IAMPolicyDocumentValidator, IAMTrustPolicyDocumentValidator

from tests.support.engine import Registered

DASHBOARD = {
    "type": "object",
    "required": ["widgets"],
    "additionalProperties": False,
    "properties": {
        "start": {"type": "string"},
        "end": {"type": "string"},
        "periodOverride": {"enum": ["auto", "inherit"]},
        "widgets": {
            "type": "array",
            "maxItems": 500,
            "items": {
                "type": "object",
                "required": ["type", "properties"],
                "additionalProperties": False,
                "properties": {
                    "type": {"enum": ["alarm", "explorer", "log", "metric", "text"]},
                    "x": {"type": "integer", "minimum": 0, "maximum": 23},
                    "y": {"type": "integer", "minimum": 0},
                    "width": {"type": "integer", "minimum": 1, "maximum": 24},
                    "height": {"type": "integer", "minimum": 1, "maximum": 1000},
                    "properties": {"type": "object"},
                },
                "allOf": [
                    {
                        "if": {"properties": {"type": {"const": kind}}},
                        "then": {"properties": {"properties": {"required": needed}}},
                    }
                    for kind, needed in {
                        "alarm": ["alarms"],
                        "log": ["query", "region"],
                        "metric": ["metrics", "region"],
                        "text": ["markdown"],
                    }.items()
                ],
            },
        },
    },
}
"""A CloudWatch dashboard's body, as its reference describes it."""

_AGED = {"required": ["countUnit"], "properties": {"countType": {"enum": ["sinceImagePushed", "sinceImagePulled"]}}}
LIFECYCLE = {
    "type": "object",
    "required": ["rules"],
    "additionalProperties": False,
    "properties": {
        "rules": {
            "type": "array",
            "minItems": 1,
            "maxItems": 50,
            "items": {
                "type": "object",
                "required": ["rulePriority", "selection", "action"],
                "additionalProperties": False,
                "properties": {
                    "rulePriority": {"type": "integer", "minimum": 1},
                    "description": {"type": "string"},
                    "action": {"type": "object", "required": ["type"], "properties": {"type": {"const": "expire"}}},
                    "selection": {
                        "type": "object",
                        "required": ["tagStatus", "countType", "countNumber"],
                        "additionalProperties": False,
                        "properties": {
                            "tagStatus": {"enum": ["tagged", "untagged", "any"]},
                            "tagPrefixList": {"type": "array", "minItems": 1, "items": {"type": "string"}},
                            "tagPatternList": {"type": "array", "minItems": 1, "items": {"type": "string"}},
                            "countType": {"enum": ["imageCountMoreThan", "sinceImagePushed", "sinceImagePulled"]},
                            "countNumber": {"type": "integer", "minimum": 1},
                            "countUnit": {"const": "days"},
                        },
                        "oneOf": [_AGED, {"properties": {"countType": {"const": "imageCountMoreThan"}}}],
                        "if": {"properties": {"tagStatus": {"const": "tagged"}}},
                        "then": {"anyOf": [{"required": ["tagPrefixList"]}, {"required": ["tagPatternList"]}]},
                    },
                },
            },
        }
    },
}
"""An ECR lifecycle policy, as its reference describes it."""

PATTERN = {"type": "object", "minProperties": 1, "additionalProperties": {"type": ["array", "object"]}}
"""An EventBridge pattern: every leaf is a list."""


def problems(resources: Iterable[Registered]) -> list[str]:
    """Say what is wrong with the documents in what a program declared."""
    return [f"{where}: {problem}" for where, _, problem in _checked(resources) if problem]


def kinds(resources: Iterable[Registered]) -> set[str]:
    """The kinds of documents that were found, so that a test sees that it looked at something."""
    return {kind for _, kind, _ in _checked(resources)}


def _checked(resources: Iterable[Registered]) -> Iterator[tuple[str, str, str]]:
    for resource in resources:
        if resource.type.startswith("pulumi:"):
            continue
        for path, value in _leaves(resource.inputs):
            kind = CHECKS.get((resource.type, path))
            where = f"{resource.name}.{path}"
            if kind:
                document = value if isinstance(value, str) else json.dumps(value)
                found = list(kind[1](document))
                yield from ((where, kind[0], problem) for problem in found or [""])
            elif isinstance(value, str) and _is_json(value):
                yield where, "unknown", f"is JSON that nothing checks: give ({resource.type}, {path}) a check"


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value with its path; a list's place is ``[]``."""
    yield path, value
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _leaves(part, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for part in value:
            yield from _leaves(part, f"{path}[]")


def _is_json(text: str) -> bool:
    try:
        return text.lstrip()[:1] in ("{", "[") and isinstance(json.loads(text), (dict, list))
    except ValueError:
        return False


def identity_policy(document: str) -> Iterator[str]:
    """What a role or a user may do."""
    yield from _valid(IAMPolicyDocumentValidator, document)
    for statement in statements(document):
        if "Principal" in statement:
            yield "a policy of an identity names no principal"
        yield from actions_problems(statement)


def trust_policy(document: str) -> Iterator[str]:
    """Who may take a role."""
    yield from _valid(IAMTrustPolicyDocumentValidator, document)
    for statement in statements(document):
        yield from _principal(statement)
        yield from actions_problems(statement)


def resource_policy(document: str) -> Iterator[str]:
    """Who may do what with one thing."""
    bare = [{k: v for k, v in each.items() if k != "Principal"} for each in statements(document)]
    yield from _valid(IAMPolicyDocumentValidator, json.dumps({**json.loads(document), "Statement": bare}))
    for statement in statements(document):
        yield from _principal(statement)
        yield from actions_problems(statement)


def statements(document: str) -> list[dict[str, Any]]:
    """The statements of a policy; none where it can't be read, which the validators say."""
    try:
        found = json.loads(document)["Statement"]
    except (ValueError, KeyError, TypeError):
        return []
    return [each for each in (found if isinstance(found, list) else [found]) if isinstance(each, dict)]


def listed(value: Any) -> list[str]:
    """One text or several, as policies have them."""
    return [value] if isinstance(value, str) else list(value or [])


def actions_problems(statement: Mapping[str, Any]) -> Iterator[str]:
    """Actions that AWS doesn't have, in a statement."""
    for action in listed(statement.get("Action")) + listed(statement.get("NotAction")):
        service, _, name = action.partition(":")
        known = _actions().get(service.lower(), frozenset())
        if action != "*" and not fnmatch.filter(known, name.lower()):
            yield f"AWS has no action {action}"


@functools.cache
def _actions() -> Mapping[str, frozenset[str]]:
    path = Path(cfnlint.__file__).parent / "data" / "AdditionalSpecs" / "Policies.json"
    services = json.loads(path.read_text(encoding="utf-8"))
    return {name: frozenset(service.get("Actions", ())) for name, service in services.items()}


def _principal(statement: Mapping[str, Any]) -> Iterator[str]:
    principal = statement.get("Principal")
    kinds = ("AWS", "Service", "Federated", "CanonicalUser")
    if principal != "*" and not (isinstance(principal, Mapping) and principal and set(principal) <= set(kinds)):
        yield f"its principal is {principal!r}"


def _valid(validator: Any, document: str) -> Iterator[str]:
    try:
        validator(policy_document=document).validate()
    except MalformedPolicyDocument as error:
        yield error.message


def container_definitions(document: str) -> Iterator[str]:
    """The containers of a task definition."""
    shape = _ecs().shape_for("RegisterTaskDefinitionRequest")
    assert isinstance(shape, botocore.model.StructureShape)
    containers = json.loads(document)
    report = botocore.validate.ParamValidator().validate({"family": "f", "containerDefinitions": containers}, shape)
    if report.has_errors():
        yield from report.generate_report().splitlines()
    else:
        yield from _enums(containers, shape.members["containerDefinitions"], "containerDefinitions")


@functools.cache
def _ecs() -> botocore.model.ServiceModel:
    return botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model("ecs", "service-2"), "ecs")


def _enums(value: Any, shape: Any, path: str) -> Iterator[str]:
    """Values outside their enumerations, and empty texts, which botocore doesn't judge."""
    if shape.type_name == "list":
        for number, part in enumerate(value):
            yield from _enums(part, shape.member, f"{path}[{number}]")
    elif shape.type_name == "structure":
        for name, part in value.items():
            yield from _enums(part, shape.members[name], f"{path}.{name}")
    elif getattr(shape, "enum", ()) and value not in shape.enum:
        yield f"{path} is {value!r}, none of {', '.join(shape.enum)}"


def _schema(schema: Mapping[str, Any]) -> Callable[[str], Iterator[str]]:
    validator = jsonschema.Draft202012Validator(schema)

    def check(document: str) -> Iterator[str]:
        for error in validator.iter_errors(json.loads(document)):
            yield f"{error.json_path}: {error.message}"

    return check


_IDENTITY, _TRUST = ("identity policy", identity_policy), ("trust policy", trust_policy)
_RESOURCE = ("resource policy", resource_policy)
CHECKS: Mapping[tuple[str, str], tuple[str, Callable[[str], Iterable[str]]]] = {
    ("aws:iam/policy:Policy", "policy"): _IDENTITY,
    ("aws:iam/rolePolicy:RolePolicy", "policy"): _IDENTITY,
    ("aws:iam/role:Role", "inlinePolicies[].policy"): _IDENTITY,
    ("aws:iam/role:Role", "assumeRolePolicy"): _TRUST,
    ("aws:s3/bucketPolicy:BucketPolicy", "policy"): _RESOURCE,
    ("aws:kms/key:Key", "policy"): _RESOURCE,
    ("aws:kms/keyPolicy:KeyPolicy", "policy"): _RESOURCE,
    ("aws:kms/replicaKey:ReplicaKey", "policy"): _RESOURCE,
    ("aws:sns/topicPolicy:TopicPolicy", "policy"): _RESOURCE,
    ("aws:secretsmanager/secretPolicy:SecretPolicy", "policy"): _RESOURCE,
    ("aws:ec2/vpcEndpoint:VpcEndpoint", "policy"): _RESOURCE,
    ("aws:backup/vaultPolicy:VaultPolicy", "policy"): _RESOURCE,
    ("aws:cloudwatch/logResourcePolicy:LogResourcePolicy", "policyDocument"): _RESOURCE,
    ("aws:ecs/taskDefinition:TaskDefinition", "containerDefinitions"): ("containers", container_definitions),
    ("aws:cloudwatch/dashboard:Dashboard", "dashboardBody"): ("dashboard", _schema(DASHBOARD)),
    ("aws:ecr/lifecyclePolicy:LifecyclePolicy", "policy"): ("lifecycle", _schema(LIFECYCLE)),
    ("aws:cloudwatch/eventRule:EventRule", "eventPattern"): ("event pattern", _schema(PATTERN)),
}
"""Who checks which input of which type."""
