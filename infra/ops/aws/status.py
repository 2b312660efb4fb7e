"""`pitchbar status` of a stack on AWS: what runs there, as ECS, RDS, ElastiCache and CloudWatch tell."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from infra.endpoints import CheckFailed, http_get, url_endpoint
from infra.errors import UserError
from infra.ops.aws import database
from infra.ops.aws.database import DatabaseStatus
from infra.ops.aws.place import Place, Refused, Tagged, ask, made
from infra.ops.typed import typed

METRICS = "Pitchbar"
"""The namespace of the queue probe's metrics; all have the dimension ``Stack``."""

_QUEUE = {"backlog": "Backlog", "oldest": "OldestAge", "tick_age": "TickAge"}
_QUEUE_SECONDS = 600
_MISSED = 2
_LATE = 120.0
"""So many intervals after the last tick one counts as missed, and what counting and CloudWatch take besides."""

_AT_ONCE = 10
"""So many services ECS describes in one answer."""

STEADY, ROLLING = "steady", "rolling out"


@dataclass(frozen=True)
class ServiceStatus:
    """One process as an ECS service. ``release``: of its newest task definition, empty for one that has none.
    ``detail``: ECS' own reason where it isn't steady."""

    name: str
    service: str
    cluster: str
    state: str
    running: int
    desired: int
    release: str
    task_definition: str
    detail: str


@dataclass(frozen=True)
class QueueStatus:
    """The queues, as the probe counted them last. ``oldest``: how long the oldest job has waited; ``tick_age``: how
    long ago the last tick's pass began, None before the first; both in seconds. ``at``: when it counted."""

    backlog: int
    oldest: float
    tick_age: float | None
    at: str
    missed: bool


@dataclass(frozen=True)
class Status:
    """One stack. ``answers``: the release that the app's address answers with now; empty where none does, and then
    ``silence`` says why. ``unknown``: what could not be asked, with AWS' reason."""

    stack: str
    account: str
    region: str
    app_url: str
    answers: str
    silence: str
    services: tuple[ServiceStatus, ...]
    database: DatabaseStatus | None
    redis: str
    queue: QueueStatus | None
    alarms: tuple[tuple[str, str], ...]
    unknown: tuple[str, ...]

    @property
    def healthy(self) -> bool:
        """Whether all that should run does, and no alarm has gone off."""
        steady = all(item.state in (STEADY, ROLLING) for item in self.services)
        serves = bool(self.answers) or not self.app_url
        stored = (self.database is None or self.database.state == "available") and self.redis in ("", "available")
        return steady and serves and stored and not self.alarms

    def document(self) -> dict[str, Any]:
        """The status for programs."""
        return {"healthy": self.healthy, **asdict(self)}


def status(place: Place) -> Status:
    """Ask everything at once. Raises :class:`UserError` where the stack isn't up, and without its services."""
    found = made(place, "ecs:service", "rds:db", "elasticache:replicationgroup")
    if not any(found.values()):
        raise UserError(
            f"Stack {place.stack} is not up in account {place.account}, {place.region}: nothing there has its tag. "
            f"To bring it up, type: {typed(f'up -s {place.stack}')}"
        )
    unknown: list[str] = []
    questions: dict[str, Callable[[], Any]] = {
        "services": lambda: _services(place, found["ecs:service"]),
        "answer": lambda: _answer(place.app_url),
        "database": lambda: database.status(place, found["rds:db"]),
        "redis": lambda: _redis(place, found["elasticache:replicationgroup"]),
        "queue": lambda: _queue(place),
        "alarms": lambda: _alarms(place),
    }
    with ThreadPoolExecutor(len(questions)) as pool:
        asked = {name: pool.submit(question) for name, question in questions.items()}

    def told(name: str, otherwise: Any) -> Any:
        try:
            return asked[name].result()
        except Refused as refused:
            unknown.append(str(refused))
            return otherwise

    answers, silence = asked["answer"].result()
    return Status(
        stack=place.stack,
        account=place.account,
        region=place.region,
        app_url=place.app_url,
        answers=answers,
        silence=silence,
        services=asked["services"].result(),
        database=told("database", None),
        redis=told("redis", ""),
        queue=told("queue", None),
        alarms=told("alarms", ()),
        unknown=tuple(unknown),
    )


def _services(place: Place, services: Sequence[Tagged]) -> tuple[ServiceStatus, ...]:
    ecs, what = place.service("ecs"), f"The services of stack {place.stack}"
    by_cluster: dict[str, list[str]] = {}
    for service in services:
        by_cluster.setdefault(service.arn.split("/")[1], []).append(service.arn)
    names = {service.arn: service.name for service in services}
    described = [
        (cluster, item)
        for cluster, arns in sorted(by_cluster.items())
        for some in _tens(arns)
        for item in ask(what, ecs.describe_services, cluster=cluster, services=some)["services"]
        if item["status"] == "ACTIVE"
    ]
    releases = {
        arn: _release(ask(what, ecs.describe_task_definition, taskDefinition=arn)["taskDefinition"])
        for arn in sorted({_primary(item)["taskDefinition"] for _, item in described})
    }
    found = [_service(names[item["serviceArn"]], cluster, item, releases) for cluster, item in described]
    return tuple(sorted(found, key=lambda item: item.name))


def _service(name: str, cluster: str, item: dict[str, Any], releases: dict[str, str]) -> ServiceStatus:
    primary = _primary(item)
    rollout = primary.get("rolloutState", "COMPLETED")
    running, desired = int(item["runningCount"]), int(item["desiredCount"])
    if rollout == "FAILED":
        state = "failed"
    elif desired == 0:
        state = "stopped"
    elif running < desired:
        state = "short of tasks"
    else:
        state = ROLLING if rollout == "IN_PROGRESS" else STEADY
    reasons = [primary.get("rolloutStateReason", ""), *(event["message"] for event in item.get("events", [])[:1])]
    return ServiceStatus(
        name=name,
        service=item["serviceName"],
        cluster=cluster,
        state=state,
        running=running,
        desired=desired,
        release=releases[primary["taskDefinition"]],
        task_definition=primary["taskDefinition"].rpartition("/")[2],
        detail="" if state == STEADY else " ".join(reason for reason in reasons if reason),
    )


def _primary(service: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(item for item in service["deployments"] if item["status"] == "PRIMARY")
    return found


def _release(definition: dict[str, Any]) -> str:
    variables = {item["name"]: item["value"] for item in definition["containerDefinitions"][0].get("environment", [])}
    return str(variables.get("APP_RELEASE", ""))


def _tens(items: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(items), _AT_ONCE):
        yield list(items[start : start + _AT_ONCE])


def _answer(url: str) -> tuple[str, str]:
    """The release that answers visitors, or else why none does."""
    if not url:
        return "", ""
    try:
        answer = http_get(url_endpoint(url), "/up", timeout=5)
        if answer.status != 200:
            return "", f"{url}/up answers {answer.status} instead of 200."
        return str(json.loads(answer.body)["release"]), ""
    except CheckFailed as failure:
        return "", str(failure)
    except (ValueError, KeyError, TypeError):
        return "", f"{url}/up answers without a release."


def _redis(place: Place, groups: Sequence[Tagged]) -> str:
    if not groups:
        return ""
    id = groups[0].arn.rpartition(":")[2]
    answer = ask("Redis", place.service("elasticache").describe_replication_groups, ReplicationGroupId=id)
    return str(answer["ReplicationGroups"][0]["Status"])


def _queue(place: Place) -> QueueStatus | None:
    """The newest figures of the probe; None where there are none: a preview has no probe."""
    now = time.time()
    queries = [
        {
            "Id": id,
            "MetricStat": {
                "Metric": {
                    "Namespace": METRICS,
                    "MetricName": metric,
                    "Dimensions": [{"Name": "Stack", "Value": place.stack}],
                },
                "Period": 60,
                "Stat": "Maximum",
            },
        }
        for id, metric in _QUEUE.items()
    ]
    answer = ask(
        "The queues",
        place.service("cloudwatch").get_metric_data,
        MetricDataQueries=queries,
        StartTime=now - _QUEUE_SECONDS,
        EndTime=now,
        ScanBy="TimestampDescending",
    )
    newest = {
        item["Id"]: (item["Values"][0], item["Timestamps"][0]) for item in answer["MetricDataResults"] if item["Values"]
    }
    if "backlog" not in newest:
        return None
    backlog, at = newest["backlog"]
    since = max(0.0, now - at.timestamp())
    tick_age = newest["tick_age"][0] + since if "tick_age" in newest else None
    return QueueStatus(
        backlog=int(backlog),
        oldest=newest.get("oldest", (0.0, at))[0],
        tick_age=tick_age,
        at=datetime.fromtimestamp(at.timestamp(), UTC).isoformat(),
        missed=tick_age is not None and tick_age > _MISSED * place.environment.queue_tick.interval + _LATE,
    )


def _alarms(place: Place) -> tuple[tuple[str, str], ...]:
    """The alarms that have gone off: name and what to do."""
    answer = ask(
        "The alarms",
        place.service("cloudwatch").describe_alarms,
        AlarmNamePrefix=place.prefix,
        StateValue="ALARM",
        AlarmTypes=["MetricAlarm", "CompositeAlarm"],
    )
    every = [*answer.get("MetricAlarms", []), *answer.get("CompositeAlarms", [])]
    off = [item for item in every if item["StateValue"] == "ALARM"]
    return tuple(sorted((item["AlarmName"], item.get("AlarmDescription", "")) for item in off))
