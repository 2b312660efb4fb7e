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

from infra.release import manifest, runtime
from tests.support.aws.schemas import DASHBOARD, LIFECYCLE, PATTERN
from tests.support.engine import Registered


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


def secret_text(document: str) -> Iterator[str]:
    """The value of a secret: an object of texts, which tasks read one by one."""
    for name, value in json.loads(document).items():
        if not isinstance(value, str):
            yield f"{name} is {type(value).__name__}, and a task would get JSON"


def release(document: str) -> Iterator[str]:
    """A release's manifest, which rollbacks read."""
    if not manifest.parse(document).image:
        yield "names no image"


_IDENTITY, _TRUST = ("identity policy", identity_policy), ("trust policy", trust_policy)
_RESOURCE = ("resource policy", resource_policy)


def runtime_configuration(document: str) -> Iterator[str]:
    """What the image says of its release can be read back."""
    if runtime.to_json(runtime.from_json(document)) != document:
        yield "is not what the release's runtime configuration is written as"


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
    ("aws:secretsmanager/secretVersion:SecretVersion", "secretString"): ("secret", secret_text),
    ("aws:s3/bucketObjectv2:BucketObjectv2", "content"): ("manifest", release),
    ("aws:ecs/taskDefinition:TaskDefinition", "containerDefinitions"): ("containers", container_definitions),
    ("aws:cloudwatch/dashboard:Dashboard", "dashboardBody"): ("dashboard", _schema(DASHBOARD)),
    ("aws:ecr/lifecyclePolicy:LifecyclePolicy", "policy"): ("lifecycle", _schema(LIFECYCLE)),
    ("aws:cloudwatch/eventRule:EventRule", "eventPattern"): ("event pattern", _schema(PATTERN)),
    ("docker:index/image:Image", "build.args.RUNTIME"): ("runtime", runtime_configuration),
}
"""Who checks which input of which type."""
