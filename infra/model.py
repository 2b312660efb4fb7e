"""What Pitchbar needs, as frozen types without behaviour; `infra/cloud.yaml` is its commented reference.

Durations are whole seconds, sizes are MB (1GB is 1024MB), retentions are days, percentages are whole per cents.
The types are read by `infra.load` and described by `infra.schema`: a field's text is its description in both.
This module has real annotations (no `from __future__ import annotations`), because reading them must cost nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from infra.kinds import Argument, Cpus, Host, Number, PrivateNetwork, Text, days, duration, percent, size

EnvironmentName = Literal["preview", "staging", "production", "local"]
TargetName = Literal["aws", "docker", "local"]
ProcessName = Literal["app", "worker", "realtime"]
Runtime = Literal["bundled", "laravel"]
Capability = Literal[
    "alarms",
    "autoscaling",
    "container-images",
    "daily-backups",
    "multi-az",
    "point-in-time-recovery",
    "public-domains",
    "queue-scaling",
    "queue-tick",
    "redis-failover",
    "redis-persistence",
    "replicas",
    "sticky-sessions",
    "tls",
    "versioned-storage",
]

Name = Annotated[str, Text("A name has lower-case letters, digits and hyphens", "[a-z][a-z0-9-]{0,29}", "pitchbar")]
Region = Annotated[
    str,
    Text("A region is a part of the world, or one of AWS's own names", "[a-z]{2}-[a-z]+(-[0-9])?", "us-east"),
]
Queue = Annotated[str, Text("A queue has lower-case letters, digits and hyphens", "[a-z][a-z0-9-]{0,29}", "default")]
UrlPath = Annotated[str, Text("A path begins with a slash", r"/[A-Za-z0-9._~/-]*", "/up")]
Cpu = Annotated[float, Cpus(at_most=64)]
ProcessMemory = Annotated[int, size(128, 512 * 1024)]
ServiceMemory = Annotated[int, size(64, 512 * 1024)]
Seconds = Annotated[int, duration(1, 86400)]
Port = Annotated[int, Number(1024, 65535)]
Replicas = Annotated[int, Number(1, 100)]
_SENTRY_DSN = "https://0123456789abcdef@sentry.example/1"
Command = tuple[Annotated[str, Argument()], ...]


@dataclass(frozen=True, kw_only=True)
class Commands:
    """The command line of one process (or of the migration) for each runtime profile."""

    bundled: Annotated[Command, "The command in the bundled app's image (app/)."]
    laravel: Annotated[Command, "The command in Pitchbar's Laravel image."]


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """How many replicas run: at least and first `min`, at most `max`."""

    min: Annotated[Replicas, "Replicas that always run, and that a first update starts."]
    max: Annotated[Replicas, "Replicas that scaling never exceeds; the same as min: no scaling."]


@dataclass(frozen=True, kw_only=True)
class AppScaling(Scaling):
    """Scaling of the app: by processor load and by requests, whichever asks for more."""

    cpu: Annotated[int, percent(10, 95), "Average processor load that scaling aims at."] = 60
    requests: Annotated[int, Number(1, 1000000), "Requests per minute that one replica should take."] = 1000


@dataclass(frozen=True, kw_only=True)
class WorkerScaling(Scaling):
    """Scaling of the worker: by its backlog, which is waiting + delayed + reserved jobs."""

    backlog: Annotated[int, Number(1, 1000000), "Jobs of the backlog that one replica should take."] = 100


@dataclass(frozen=True, kw_only=True)
class Health:
    """When a process counts as healthy."""

    interval: Annotated[Seconds, "Time between two checks."] = 5
    timeout: Annotated[Seconds, "Time that one check may take."] = 3
    deadline: Annotated[Seconds, "Time from the start to the first healthy check, else the release fails."] = 60


@dataclass(frozen=True, kw_only=True)
class Process:
    """What every process has; `App`, `Worker` and `Realtime` add what only they have."""

    name: ClassVar[ProcessName]
    commands: Annotated[Commands, "The command for each runtime profile."]
    cpu: Annotated[Cpu, "Processor power of one replica."]
    memory: Annotated[ProcessMemory, "Memory of one replica."]
    scaling: Annotated[Scaling, "How many replicas run."]
    stop_timeout: Annotated[Seconds, "Time to finish work after SIGTERM, before SIGKILL."] = 30
    health: Annotated[Health, "When the process counts as healthy."] = Health()


@dataclass(frozen=True, kw_only=True)
class Served(Process):
    """A process that listens: the app and the realtime server."""

    port: Annotated[Port, "Port that it listens on inside its container; `{port}` in commands."]
    health_path: Annotated[UrlPath, "Answers 200 while the process lives, without touching Postgres or Redis."] = "/up"
    ready_path: Annotated[UrlPath, "Answers 200 once Postgres, Redis and the schema are ready as well."] = "/ready"


@dataclass(frozen=True, kw_only=True)
class App(Served):
    """The web app: pages, API, admin and the widget's script."""

    name: ClassVar[ProcessName] = "app"
    scaling: Annotated[AppScaling, "How many replicas run, and what scaling goes by."]


@dataclass(frozen=True, kw_only=True)
class Worker(Process):
    """The queue worker."""

    name: ClassVar[ProcessName] = "worker"
    scaling: Annotated[WorkerScaling, "How many replicas run, and what scaling goes by."]
    stop_timeout: Annotated[Seconds, "Time to finish the current job after SIGTERM, before SIGKILL."] = 120
    queues: Annotated[tuple[Queue, ...], "Queues that it serves, the most urgent first; `{queues}` in commands."]
    job_timeout: Annotated[Seconds, "Time that one job may take."] = 90
    retry_after: Annotated[Seconds, "Time after which a job whose worker vanished is given to another."] = 150


@dataclass(frozen=True, kw_only=True)
class Realtime(Served):
    """The WebSocket server."""

    name: ClassVar[ProcessName] = "realtime"
    sticky: Annotated[bool, "Keep each visitor on one replica."] = True


@dataclass(frozen=True, kw_only=True)
class Processes:
    """The three processes, all of them required; iterating gives them in this order."""

    app: Annotated[App, "The web app."]
    worker: Annotated[Worker, "The queue worker."]
    realtime: Annotated[Realtime, "The WebSocket server."]

    def __iter__(self) -> Iterator[Process]:
        """Give the app, the worker, the realtime server."""
        return iter((self.app, self.worker, self.realtime))


@dataclass(frozen=True, kw_only=True)
class Network:
    """The private network of a cloud; a target on one machine has none."""

    cidr: Annotated[
        str, PrivateNetwork(), "Its addresses: a /16 that no other environment has, so that both can be peered."
    ]


@dataclass(frozen=True, kw_only=True)
class Migration:
    """The one-off command that brings the schema up to date, before any process of a release starts."""

    commands: Annotated[Commands, "The command for each runtime profile."]
    deadline: Annotated[Seconds, "Time that it may take, else the release fails."] = 600


@dataclass(frozen=True, kw_only=True)
class Renewal:
    """The one-off command that encrypts anew, under APP_KEY, what the database holds under the key before."""

    commands: Annotated[Commands, "The command for each runtime profile."]
    deadline: Annotated[Seconds, "Time that it may take, else the key before stays accepted."] = 600


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """The relational database."""

    version: Annotated[int, Number(16, 16), "Major version."] = 16
    cpu: Annotated[Cpu, "Processor power."]
    memory: Annotated[int, size(256, 512 * 1024), "Memory."]
    disk: Annotated[int, size(1024, 64 * 1024 * 1024), "SSD storage to begin with."]
    multi_az: Annotated[bool, "Keep a standby in a second zone that takes over by itself."] = False


@dataclass(frozen=True, kw_only=True)
class Redis:
    """Sessions, queues and hot caches."""

    version: Annotated[int, Number(7, 7), "Major version."] = 7
    memory: Annotated[ServiceMemory, "Memory."]
    persistent: Annotated[bool, "Keep the data over a restart, as far as the target can."] = True
    failover: Annotated[bool, "Keep a replica that takes over by itself."] = False


@dataclass(frozen=True, kw_only=True)
class Storage:
    """Object storage for files."""

    versioned: Annotated[bool, "Keep what is overwritten or deleted."] = True


@dataclass(frozen=True, kw_only=True)
class Vectors:
    """The vector store of the indexed chunks."""

    store: Annotated[Literal["pgvector"], "Where vectors live; pgvector is inside Postgres."] = "pgvector"


@dataclass(frozen=True, kw_only=True)
class Domains:
    """Host names that people and browsers use; `infra.domains.hosts` fills the placeholders."""

    app: Annotated[str, Host(), "Customers' app, admin and API."]
    cdn: Annotated[str | None, Host(), "The widget's script; left out: served by the app's host."] = None
    realtime: Annotated[str, Host(), "WebSockets."]


@dataclass(frozen=True, kw_only=True)
class Backups:
    """Backups of Postgres."""

    daily: Annotated[bool, "Take one every day."] = True
    retention: Annotated[int, days(1, 35), "Time that a backup is kept."] = 30
    pitr: Annotated[bool, "Point-in-time recovery: back to any second of the retention."] = True


@dataclass(frozen=True, kw_only=True)
class QueueTick:
    """The pass over the queues that an external cron starts, for where no worker can run all the time."""

    interval: Annotated[int, duration(60, 3600), "Time between two ticks; cron counts in minutes."] = 60
    max_time: Annotated[Seconds, "A pass takes no new job after this time, so that it ends before the next tick."] = 55
    job_timeout: Annotated[Seconds, "Time that one job of a pass may take."] = 120
    queues: Annotated[tuple[Queue, ...], "Queues that a pass drains, in this order."] = ("crawl", "index", "default")


@dataclass(frozen=True, kw_only=True)
class Telemetry:
    """Logs, traces and alarms."""

    log_retention: Annotated[int, days(1, 3653), "Time that logs are kept."] = 30
    alarms: Annotated[bool, "Raise alarms on errors, latency, backlog, missed ticks, storage and backups."] = True
    otlp_endpoint: Annotated[
        str | None,
        Text("A collector is named by its URL", r"https?://[A-Za-z0-9.-]+(:[0-9]+)?(/\S*)?", "http://localhost:4318"),
        "OpenTelemetry collector; left out: no traces.",
    ] = None
    sentry_dsn: Annotated[
        str | None,
        Text("A DSN is the address of a Sentry project", r"https://[0-9a-f]+@[A-Za-z0-9.-]+/[0-9]+", _SENTRY_DSN),
        "Sentry project that hears of errors; left out: nobody does.",
    ] = None


@dataclass(frozen=True, kw_only=True)
class Environment:
    """One environment, complete: what it is made of, wherever it lands."""

    name: EnvironmentName = field(metadata={"from_key": True})
    purpose: Annotated[str, Text("A purpose is one line of text", r"\S.*", "QA"), "What the environment is for."]
    runtime: Annotated[Runtime, "The runtime profile: which commands run, in which image."] = "bundled"
    protect: Annotated[bool, "Refuse to delete databases, storage and keys."] = False
    require: Annotated[tuple[Capability, ...], "Capabilities without which a target is refused."] = ()
    network: Annotated[Network, "The private network, where the target has one."]
    processes: Annotated[Processes, "What runs all the time."]
    migration: Annotated[Migration, "What runs once, before a release starts."]
    renewal: Annotated[Renewal, "What runs once, before a rotated app-key's previous value is retired."]
    postgres: Annotated[Postgres, "The relational database."]
    redis: Annotated[Redis, "Sessions, queues and hot caches."]
    storage: Annotated[Storage, "Object storage for files."] = Storage()
    vectors: Annotated[Vectors, "The vector store of the indexed chunks."] = Vectors()
    domains: Annotated[Domains, "Host names."]
    backups: Annotated[Backups, "Backups of Postgres."] = Backups()
    queue_tick: Annotated[QueueTick, "The pass over the queues that an external cron starts."] = QueueTick()
    telemetry: Annotated[Telemetry, "Logs, traces and alarms."] = Telemetry()


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """All that `infra/cloud.yaml` says, with every environment complete."""

    name: Annotated[Name, "Name of the product: it is in the names and tags of what is made."]
    region: Annotated[Region, "Where to run, unless the stack's configuration says otherwise."] = "us-east"
    environments: tuple[Environment, ...] = field(metadata={"from_key": True})
