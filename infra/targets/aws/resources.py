"""The plugin's resources for AWS as the program declares them. :mod:`infra.provider.aws` does the work, by boto3."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi import Input, Output

from infra.resources import PluginResource


@dataclass(frozen=True)
class TaskArgs:
    """A one-off task of ECS: the network and security groups that it runs with, and the time in seconds that it may
    take. ``container``: whose exit code and log count. ``log_group`` and ``log_prefix``: where its last lines are."""

    region: Input[str]
    cluster: Input[str]
    task_definition: Input[str]
    container: Input[str]
    subnets: Input[Sequence[Input[str]]]
    security_groups: Input[Sequence[Input[str]]]
    log_group: Input[str]
    log_prefix: Input[str]
    timeout: Input[int]


@dataclass(frozen=True)
class MigrationArgs(TaskArgs):
    """``release``: the one whose migrate command the task definition runs. ``store`` (a bucket) and ``prefix``: where
    the manifests of the releases are."""

    release: Input[str] = ""
    store: Input[str] = ""
    prefix: Input[str] = ""


class Migration(PluginResource):
    """The release's migrate command as a one-off task, run before any of its services change. ``revision``: the
    schema's after it, which the bundled app says in its last line; empty for an image that doesn't."""

    token = "pitchbar:aws:Migration"
    computed = ("revision", "task")

    revision: Output[str]
    task: Output[str]


@dataclass(frozen=True)
class RenewalArgs(TaskArgs):
    """``version``: of the app-key. ``retire``: renew now. ``app_key``: what tasks read it from; one with another can't
    read what was renewed. ``families``: how the names of the stack's task definitions begin. ``has_command``: whether
    the release can do it."""

    release: Input[str] = ""
    version: Input[int] = 1
    retire: Input[bool] = False
    app_key: Input[str] = ""
    families: Input[str] = ""
    has_command: Input[bool] = True


class Renewal(PluginResource):
    """The gate before the app-key's previous value is retired: what is encrypted under that is encrypted anew, by a
    one-off task."""

    token = "pitchbar:aws:Renewal"
    computed = ("renewed", "task")


@dataclass(frozen=True)
class DatabaseArgs(TaskArgs):
    """``name``: of the database and of its owner. The task definition's container is told what to do by the
    environment variable ``ACTION``: ``create`` or ``drop``. ``retain``: leave the database when this is deleted."""

    name: Input[str] = ""
    retain: Input[bool] = True


class Database(PluginResource):
    """An environment's own database and role in the server, made by a one-off task inside the network."""

    token = "pitchbar:aws:Database"
    computed = ("task",)

    name: Output[str]
    task: Output[str]


@dataclass(frozen=True)
class VerificationArgs:
    """``services``: the task definition's ARN that each ECS service must run by now, by the service's name (ARN).
    ``app_url`` and ``realtime_url`` are asked from outside: release, health and a WebSocket round trip; with
    ``canary_queue`` also a job through worker, Redis and Postgres (empty for an image without canary jobs). ``timeout``
    in seconds."""

    region: Input[str]
    release: Input[str]
    cluster: Input[str]
    services: Input[Mapping[str, Input[str]]]
    app_url: Input[str]
    realtime_url: Input[str]
    realtime_key: Input[str]
    queue_token: Input[str]
    canary_queue: Input[str]
    timeout: Input[int]


class Verification(PluginResource):
    """The proof after the roll-out that the release serves: a circuit breaker's way back, which ECS reports as a
    success, fails the update here."""

    token = "pitchbar:aws:Verification"
    computed = ("verified",)

    verified: Output[str]


@dataclass(frozen=True)
class FirstTickArgs:
    """``script_digest``: of the cron Worker that the tick stands for; another one is another tick."""

    app_url: Input[str]
    queue_token: Input[str]
    script_digest: Input[str]
    release: Input[str]


class FirstTick(PluginResource):
    """The tick that is sent right after deployment: a new cron trigger takes up to 15 minutes to reach Cloudflare's
    machines."""

    token = "pitchbar:aws:FirstTick"
    computed = ("pass_id",)

    pass_id: Output[str]
