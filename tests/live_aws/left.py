"""What is left in an account of a stack that was taken down, and what of it is meant to be.

AWS' tag index shows some things for hours after they are gone, and some things go late or stay on purpose. Each of
these is asked about, so that nothing is explained that is really there.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.cloud_names import second_region
from infra.ops.aws.place import Place, pages
from infra.provider.aws.session import client

Explain = Callable[[str, str], str]


@dataclass(frozen=True)
class Left:
    """``found``: ARNs that should not be there. ``explained``: those that may, with the reason."""

    found: tuple[str, ...]
    explained: Mapping[str, str]


def left(place: Place) -> Left:
    """Everything that carries the stack's tag, in its region and in the second one."""
    found, explained = [], {}
    for region in (place.region, second_region(place.region)):
        for arn in tagged(place, region):
            reason = explanation(arn, region)
            if reason:
                explained[arn] = reason
            else:
                found.append(arn)
    return Left(tuple(sorted(found)), explained)


def tagged(place: Place, region: str) -> Iterator[str]:
    """The ARNs of what AWS' index says has the stack's tag."""
    items = pages(
        f"What is left of stack {place.stack}",
        client("resourcegroupstaggingapi", region).get_resources,
        "ResourceTagMappingList",
        token="PaginationToken",
        TagFilters=[{"Key": "Stack", "Values": [place.stack]}, {"Key": "Project", "Values": [place.product]}],
    )
    yield from sorted(str(item["ResourceARN"]) for item in items)


def explanation(arn: str, region: str) -> str:
    """Why something may still be listed; empty for what should be gone."""
    service, resource = arn.split(":")[2], arn.split(":", 5)[5]
    kind = resource.replace("/", ":").partition(":")[0]
    explain = EXPLAIN.get((service, kind))
    return explain(arn, region) if explain else ""


def _key(arn: str, region: str) -> str:
    found = client("kms", region).describe_key(KeyId=arn)["KeyMetadata"]
    if found["KeyState"] in ("PendingDeletion", "PendingReplicaDeletion"):
        return "a deleted key: AWS keeps it for some days, so that the deletion can be taken back"
    if found["Description"].startswith("Databases, files"):
        return "the key of the last snapshot, kept with it"
    return ""


def _secret(arn: str, region: str) -> str:
    deleted = client("secretsmanager", region).describe_secret(SecretId=arn).get("DeletedDate")
    return "a deleted secret: it can be had back for 30 days" if deleted else ""


def _task_definition(arn: str, region: str) -> str:
    state = client("ecs", region).describe_task_definition(taskDefinition=arn)["taskDefinition"]["status"]
    return "a revision that nothing can run any more; ECS keeps it" if state != "ACTIVE" else ""


def _cluster(arn: str, region: str) -> str:
    found = client("ecs", region).describe_clusters(clusters=[arn])["clusters"]
    return "" if any(item["status"] == "ACTIVE" for item in found) else _STALE


def _service(arn: str, region: str) -> str:
    cluster = arn.split("/")[1]
    try:
        found = client("ecs", region).describe_services(cluster=cluster, services=[arn])["services"]
    except client("ecs", region).exceptions.ClusterNotFoundException:
        return _STALE
    return "" if any(item["status"] == "ACTIVE" for item in found) else _STALE


def _snapshot(arn: str, region: str) -> str:
    return "the last snapshot of the database, kept on purpose" if "-final-" in arn else ""


def _automated_backup(arn: str, region: str) -> str:
    return "the log of the database, kept for as long as its backups"


def _gone(operation: str, key: str, filter: str, dead: tuple[str, ...] = ()) -> Explain:
    """A thing of EC2 that the index still lists: gone, or with a state that says so."""

    def explain(arn: str, region: str) -> str:
        ec2, id = client("ec2", region), arn.rpartition("/")[2]
        items: list[dict[str, Any]] = getattr(ec2, operation)(Filters=[{"Name": filter, "Values": [id]}])[key]
        return _STALE if all(item.get("State") in dead for item in items) else ""

    return explain


_STALE = "gone, and still in AWS' index of tags"
EXPLAIN: Mapping[tuple[str, str], Explain] = {
    ("kms", "key"): _key,
    ("secretsmanager", "secret"): _secret,
    ("ecs", "task-definition"): _task_definition,
    ("ecs", "cluster"): _cluster,
    ("ecs", "service"): _service,
    ("rds", "snapshot"): _snapshot,
    ("rds", "auto-backup"): _automated_backup,
    ("ec2", "natgateway"): _gone("describe_nat_gateways", "NatGateways", "nat-gateway-id", ("deleted",)),
    ("ec2", "vpc-endpoint"): _gone("describe_vpc_endpoints", "VpcEndpoints", "vpc-endpoint-id", ("deleted",)),
    ("ec2", "security-group-rule"): _gone(
        "describe_security_group_rules", "SecurityGroupRules", "security-group-rule-id"
    ),
}
"""By service and kind; what isn't here must be gone."""
