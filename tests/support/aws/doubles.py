"""Doubles of AWS, Cloudflare and Docker for the recording engine. What they answer has the right shape and proves
nothing about those services: the account, the ids and the addresses are made up.
"""

from __future__ import annotations

import functools
import hashlib
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

import pulumi
import pulumi._types
import yaml
from pulumi.provider.experimental.property_value import PropertyValue

from infra.paths import project_root
from tests.support.aws import structure
from tests.support.engine import PROJECT, plain

_types: Any = pulumi._types
ACCOUNT = "123456789012"
REGION = "us-east-1"
ZONE = "0123456789abcdef0123456789abcdef"
ZONE_NAME = "pitchbar.com"
CLOUDFLARE_ACCOUNT = "a" * 32
DIGEST = f"sha256:{'d0' * 32}"
CLOUDFLARE_V4 = ("173.245.48.0/20", "103.21.244.0/22")
CLOUDFLARE_V6 = ("2400:cb00::/32", "2606:4700::/32")
_SERVICES = {
    "lb": "elasticloadbalancing",
    "cloudwatch": "logs",
    "cfg": "config",
    "alb": "elasticloadbalancing",
    "secretsmanager": "secretsmanager",
}
_GLOBAL = ("iam", "s3", "cloudfront", "route53")
_PORTS = {"aws:rds/instance:Instance": 5432.0, "aws:elasticache/replicationGroup:ReplicationGroup": 6379.0}


class Refused(AssertionError):
    """A program asked for something that no double answers."""


class CloudDouble:
    """Stands in for the providers of the AWS target. ``stacks``: the outputs of other stacks, by name. ``objects``:
    the texts in buckets, by key."""

    def __init__(
        self, stacks: Mapping[str, Mapping[str, Any]] | None = None, objects: Mapping[str, str] | None = None
    ) -> None:
        self.stacks = stacks or {}
        self.objects = objects or {}

    def problems(self, type: str, inputs: Mapping[str, Any]) -> list[str]:
        """Say what the structural checker finds."""
        return structure.problems(type, inputs)

    def create(
        self, type: str, name: str, inputs: Mapping[str, PropertyValue]
    ) -> tuple[str, Mapping[str, PropertyValue]]:
        """Give an id, and a state of the inputs and of what a provider would compute."""
        id, computed = resource(type, name, {key: plain(value) for key, value in inputs.items()})
        return id, {**{key: wrap(value) for key, value in computed.items()}, **inputs}

    def read(self, type: str, name: str, id: str, inputs: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Give another stack's outputs, or a resource that is there already."""
        if type == "pulumi:pulumi:StackReference":
            stack = str(inputs.get("name", name))
            if stack not in self.stacks:
                raise Refused(f"the program reads stack {stack}; the double has {sorted(self.stacks)}")
            return stack, {"name": stack, "outputs": dict(self.stacks[stack]), "secretOutputNames": []}
        _, computed = resource(type, name, dict(inputs))
        return id, {**computed, **inputs}

    def call(self, token: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a function, from the table below."""
        name = token.rpartition(":")[2]
        if name == "getObjects":
            keys = [key for key in sorted(self.objects) if key.startswith(str(arguments.get("prefix", "")))]
            return {"id": "id", **arguments, "keys": keys, "commonPrefixes": [], "owners": []}
        if name == "getObject":
            return {"id": "id", **arguments, "body": self.objects[arguments["key"]]}
        if name not in ANSWERS:
            raise Refused(f"the program called {token}: give it an answer in tests/support/aws/doubles.py")
        answer: Mapping[str, Any] = ANSWERS[name](arguments)
        return {"id": f"id-of-{name}", **arguments, **answer}


ANSWERS: dict[str, Any] = {
    "getCallerIdentity": lambda _: {
        "accountId": ACCOUNT,
        "arn": f"arn:aws:iam::{ACCOUNT}:role/double",
        "userId": "AIDADOUBLE",
    },
    "getRegion": lambda _: {"name": REGION, "region": REGION, "description": "double", "endpoint": "ec2.amazonaws.com"},
    "getPartition": lambda _: {"partition": "aws", "dnsSuffix": "amazonaws.com", "reverseDnsPrefix": "com.amazonaws"},
    "getAvailabilityZones": lambda _: {
        "names": [f"{REGION}{letter}" for letter in "abcdef"],
        "zoneIds": [f"use1-az{number}" for number in range(1, 7)],
        "groupNames": [REGION],
    },
    "getServiceAccount": lambda _: {"arn": "arn:aws:iam::127311923021:root"},
    "getAuthorizationToken": lambda _: {
        "userName": "AWS",
        "password": "registry-password-of-the-double",
        "proxyEndpoint": f"https://{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com",
        "authorizationToken": "QVdTOmRvdWJsZQ==",
        "expiresAt": "2030-01-01T00:00:00Z",
    },
    "getRegistryImage": lambda _: {"sha256Digest": DIGEST},
    "getManagedPrefixList": lambda _: {"id": "pl-double", "arn": f"arn:aws:ec2:{REGION}:aws:prefix-list/pl-double"},
    "getPrefixList": lambda _: {"id": "pl-double", "prefixListId": "pl-double", "cidrBlocks": []},
    "getIpRanges": lambda _: {
        "ipv4Cidrs": list(CLOUDFLARE_V4),
        "ipv6Cidrs": list(CLOUDFLARE_V6),
        "ipv4CidrBlocks": list(CLOUDFLARE_V4),
        "ipv6CidrBlocks": list(CLOUDFLARE_V6),
        "jdcloudCidrs": [],
        "etag": "double",
    },
    "getZone": lambda asked: {
        "zoneId": ZONE,
        "name": (asked.get("filter") or {}).get("name", ZONE_NAME),
        "status": "active",
        "paused": False,
        "account": {"id": CLOUDFLARE_ACCOUNT, "name": "double"},
    },
    "getRulesets": lambda _: {"rulesets": [], "results": []},
    "getPolicyDocument": lambda _: {
        "json": '{"Version":"2012-10-17","Statement":[]}',
        "minifiedJson": '{"Version":"2012-10-17","Statement":[]}',
    },
}
"""What functions of providers answer, by the function's name."""


def resource(type: str, name: str, inputs: Mapping[str, Any], stack: str | None = None) -> tuple[str, dict[str, Any]]:
    """Give the id of a new resource of a stack (the evaluated one), and what a provider would compute."""
    outputs: Mapping[str, Any] = _types.resource_types(_class(type))
    short = type.rpartition(":")[2]
    mark = hashlib.sha256(f"{type}{name}".encode()).hexdigest()
    named = physical(type, name, stack or pulumi.get_stack())
    id = _id(type, named, inputs, mark)
    computed: dict[str, Any] = {}
    for key, hint in outputs.items():
        if key not in inputs and key not in ("id", "urn", "tags"):
            value = (
                _text(type, name, named, key, id, mark) if hint is str else _number(type, key) if hint is int else None
            )
            if value is not None:
                computed[key] = value
    special = _SPECIAL.get(short)
    return id, {**computed, **(special(name, {**computed, **inputs}) if special else {})}


def _class(type: str) -> Any:
    structure.args_class(type)
    module, name = structure.home(type)
    return getattr(sys.modules[module], name)


def _id(type: str, named: str, inputs: Mapping[str, Any], mark: str) -> str:
    prefixes = {
        "Vpc": "vpc",
        "Subnet": "subnet",
        "SecurityGroup": "sg",
        "RouteTable": "rtb",
        "VpcEndpoint": "vpce",
        "NatGateway": "nat",
    }
    short = type.rpartition(":")[2]
    if short in prefixes:
        return f"{prefixes[short]}-{mark[:17]}"
    if type.startswith("cloudflare:"):
        return mark[:32]
    if short in ("Key", "ReplicaKey"):
        return f"{mark[:8]}-{mark[8:12]}-{mark[12:16]}-{mark[16:20]}-{mark[20:32]}"
    given = inputs.get("bucket") if short == "Bucket" else inputs.get("name")
    if "arn" in _types.resource_types(_class(type)) and _id_is_arn(type):
        return _arn(type, named)
    return str(given) if given and short not in ("Service", "TargetGroup") else named


def _id_is_arn(type: str) -> bool:
    return type.split("/")[0] in ("aws:lb", "aws:acm", "aws:sns", "aws:secretsmanager", "aws:ecs", "aws:alb")


def _text(type: str, name: str, named: str, key: str, id: str, mark: str) -> str:
    if key == "arn":
        return _arn(type, named)
    if key in ("name", "bucket", "identifier", "family", "replicationGroupId", "scriptName"):
        return named
    if key == "repositoryUrl":
        return f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{named}"
    if key == "sha256Digest":
        return DIGEST
    if key in ("repoDigest", "imageDigest"):
        return f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/image@{DIGEST}"
    if key == "arnSuffix":
        return f"{'app' if type.endswith('LoadBalancer') else 'targetgroup'}/{named}/{mark[:16]}"
    if key == "region":
        return REGION
    if key == "publicIp":
        return f"203.0.113.{int(mark[:2], 16)}"
    if key in ("keyId", "accountId", "ownerId", "registryId"):
        return id if key == "keyId" else ACCOUNT
    if key.endswith("Arn"):
        return f"{_arn(type, named)}/{key}"
    if key in ("endpoint", "address", "dnsName", "primaryEndpointAddress", "readerEndpointAddress"):
        return f"{named}.{REGION}.double.amazonaws.com" + (":5432" if key == "endpoint" else "")
    return f"{name}.{key}"


def _number(type: str, key: str) -> float:
    return _PORTS.get(type, 443.0) if key == "port" else 1.0


def _arn(type: str, named: str) -> str:
    family = type.partition(":")[2].partition("/")[0]
    service = _SERVICES.get(family, family)
    if service == "s3":
        return f"arn:aws:s3:::{named}"
    kind = type.rpartition("/")[2].partition(":")[0].lower().removeprefix("replica")
    region = "" if service in _GLOBAL else REGION
    return f"arn:aws:{service}:{region}:{ACCOUNT}:{kind}/{named}"


def physical(type: str, name: str, stack: str) -> str:
    """A resource's name as the autonaming in Pulumi.yaml makes it; Cloudflare and Docker have none."""
    mark = hashlib.sha256(f"{type}{name}".encode()).hexdigest()
    known = {"project": PROJECT, "stack": stack, "name": name}
    filled = re.sub(r"\$\{hex\(([0-9]+)\)\}", lambda found: mark[: int(found[1])], pattern(type))
    return re.sub(r"\$\{([a-z]+)\}", lambda found: known[found[1]], filled)


@functools.cache
def pattern(type: str) -> str:
    """The pattern of autonaming for a type."""
    text = (project_root() / "Pulumi.yaml").read_text(encoding="utf-8")
    named = yaml.safe_load(text).get("config", {}).get("pulumi:autonaming", {}).get("value", {}).get("providers", {})
    own: Mapping[str, Any] = named.get(type.partition(":")[0], {})
    return str(own.get("resources", {}).get(type, own).get("pattern", "${name}-${hex(7)}"))


def _validations(name: str, state: Mapping[str, Any]) -> dict[str, Any]:
    domains = [state.get("domainName", name), *state.get("subjectAlternativeNames", [])]
    return {
        "domainValidationOptions": [
            {
                "domainName": domain,
                "resourceRecordName": f"_double.{str(domain).removeprefix('*.')}.",
                "resourceRecordType": "CNAME",
                "resourceRecordValue": "_double.acm-validations.aws.",
            }
            for domain in dict.fromkeys(domains)
        ]
    }


_SPECIAL: Mapping[str, Callable[[str, Mapping[str, Any]], dict[str, Any]]] = {
    "Certificate": _validations,
    "Instance": lambda name, state: {
        "masterUserSecrets": [
            {
                "secretArn": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:rds!{name}",
                "kmsKeyId": "double",
                "secretStatus": "active",
            }
        ]
        if state.get("manageMasterUserPassword")
        else []
    },
}


def wrap(value: Any) -> PropertyValue:
    """A plain value as Pulumi has it on the wire."""
    if isinstance(value, Mapping):
        return PropertyValue({key: wrap(part) for key, part in value.items()})
    if isinstance(value, list):
        return PropertyValue([wrap(part) for part in value])
    return PropertyValue(float(value) if isinstance(value, int) and not isinstance(value, bool) else value)
