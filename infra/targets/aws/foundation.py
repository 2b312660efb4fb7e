"""The parts that an environment owns or takes from a base stack: what is known of each, whoever made it.

A base stack exports them under :data:`OUTPUT`; :func:`taken` reads them there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import pulumi
from pulumi import Input, Output

OUTPUT = "foundation"


@dataclass(frozen=True, kw_only=True)
class Network:
    """The VPC. The subnets have one id for each zone. ``endpoints_security_group_id``: of AWS's services inside it.
    ``nat_addresses``: from which the crawler comes, for sites that want to let it in."""

    vpc_id: Input[str]
    cidr: Input[str]
    public_subnet_ids: Input[Sequence[Input[str]]]
    private_subnet_ids: Input[Sequence[Input[str]]]
    data_subnet_ids: Input[Sequence[Input[str]]]
    s3_prefix_list_id: Input[str]
    endpoints_security_group_id: Input[str]
    nat_addresses: Input[Sequence[Input[str]]] = ()


@dataclass(frozen=True, kw_only=True)
class Keys:
    """KMS keys: ``data_key_arn`` for what is stored, ``logs_key_arn`` for logs and topics."""

    data_key_arn: Input[str]
    logs_key_arn: Input[str]


@dataclass(frozen=True, kw_only=True)
class Registry:
    """ECR. ``postgres_image`` and ``redis_image``: copies of the public ones, by their digests; without the second
    where no stack runs Redis in a container."""

    repository_url: Input[str]
    repository_arn: Input[str]
    postgres_image: Input[str]
    redis_image: Input[str] = ""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """ECS. ``namespace_id`` and ``namespace_name``: Cloud Map's private names inside the network.
    ``exec_log_group_arn``: where operators' sessions are logged, by the task's own role."""

    arn: Input[str]
    name: Input[str]
    namespace_id: Input[str]
    namespace_name: Input[str]
    exec_log_group_arn: Input[str]


@dataclass(frozen=True, kw_only=True)
class LoadBalancer:
    """The ALB. Its listeners refuse what no rule of an environment takes. ``proxy_cidrs``: whence requests come to it,
    which is Cloudflare."""

    arn: Input[str]
    arn_suffix: Input[str]
    dns_name: Input[str]
    security_group_id: Input[str]
    https_listener_arn: Input[str]
    test_listener_arn: Input[str]
    proxy_cidrs: Input[Sequence[Input[str]]] = ()


@dataclass(frozen=True, kw_only=True)
class DatabaseServer:
    """RDS. ``master_secret_arn``: the owner's name and password as JSON, kept by RDS itself. ``identifier`` and
    ``resource_id``: names for alarms and for signing in with IAM."""

    address: Input[str]
    port: Input[int]
    identifier: Input[str]
    resource_id: Input[str]
    security_group_id: Input[str]
    master_secret_arn: Input[str]


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """All of them."""

    network: Network
    keys: Keys
    registry: Registry
    cluster: Cluster
    load_balancer: LoadBalancer
    database_server: DatabaseServer


PARTS = {
    "network": Network,
    "keys": Keys,
    "registry": Registry,
    "cluster": Cluster,
    "load_balancer": LoadBalancer,
    "database_server": DatabaseServer,
}


def exported(foundation: Foundation) -> dict[str, Any]:
    """What a base stack exports under :data:`OUTPUT`."""
    return {name: dict(vars(getattr(foundation, name))) for name in PARTS}


def taken(base: str) -> Foundation:
    """The parts of the base stack called ``base``; a stack that lacks one fails, naming it."""
    outputs = pulumi.StackReference(base).require_output(OUTPUT)
    return Foundation(**{name: _part(outputs, name, cls) for name, cls in PARTS.items()})


def _part(outputs: Output[Any], part: str, cls: Any) -> Any:
    return cls(**{field.name: outputs[part][field.name] for field in fields(cls)})
