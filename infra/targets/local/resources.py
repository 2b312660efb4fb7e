"""The plugin's resources for this machine as the program declares them. :mod:`infra.provider.local` does the work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi import Input, Output

from infra.resources import PluginResource


@dataclass(frozen=True)
class SupervisorArgs:
    """See :class:`Supervisor`."""

    directory: Input[str]


class Supervisor(PluginResource):
    """The environment's folder and the supervisord that runs everything in it."""

    token = "pitchbar:local:Supervisor"
    singleton = True
    computed = ("running",)

    directory: Output[str]


@dataclass(frozen=True)
class PostgresArgs:
    """``settings`` go into postgresql.conf; ``port`` 0 finds one."""

    directory: Input[str]
    database: Input[str]
    username: Input[str]
    password: Input[str]
    port: Input[int] = 0
    settings: Input[Mapping[str, Input[str]]] | None = None


class Postgres(PluginResource):
    """A PostgreSQL 16 server on 127.0.0.1 with one database and its owner. Its logical name is the state's key: never
    rename it."""

    token = "pitchbar:local:Postgres"
    singleton = True
    computed = ("bound_port", "running", "cluster")

    database: Output[str]
    username: Output[str]
    bound_port: Output[int]
    cluster: Output[str]


@dataclass(frozen=True)
class BackupServerArgs:
    """``port`` and ``cluster``: the database server's. ``retention``: days that a base backup and the log after it are
    kept."""

    directory: Input[str]
    port: Input[int]
    retention: Input[int]
    cluster: Input[str] = ""


class BackupServer(PluginResource):
    """Barman: receives the database's log as it is written, and takes a base backup every day."""

    token = "pitchbar:local:BackupServer"
    singleton = True
    computed = ("running",)


@dataclass(frozen=True)
class RedisArgs:
    """``maxmemory`` in bytes; ``port`` 0 finds one."""

    directory: Input[str]
    password: Input[str]
    maxmemory: Input[int] = 0
    port: Input[int] = 0


class Redis(PluginResource):
    """A Redis 7 server on 127.0.0.1 with an append-only file. Its logical name is the state's key: never rename it."""

    token = "pitchbar:local:Redis"
    singleton = True
    computed = ("bound_port", "running")

    bound_port: Output[int]


@dataclass(frozen=True)
class ReleaseArgs:
    """``source``: the folder ``app/``; empty for a release that is in the store. ``runtime``: JSON."""

    directory: Input[str]
    release: Input[str]
    runtime: Input[str]
    source: Input[str] = ""


class Release(PluginResource):
    """The release store with the release that this stack runs."""

    token = "pitchbar:local:Release"
    singleton = True
    computed = ("path", "python", "migration_head")

    release: Output[str]
    path: Output[str]
    python: Output[str]


@dataclass(frozen=True)
class MigrationArgs:
    """``timeout`` in seconds. ``cluster``: the database server's data."""

    directory: Input[str]
    release: Input[str]
    path: Input[str]
    command: Input[Sequence[str]]
    timeout: Input[int]
    environment: Input[Mapping[str, Input[str]]]
    cluster: Input[str] = ""


class Migration(PluginResource):
    """The release's migrate command, run before any of its processes starts."""

    token = "pitchbar:local:Migration"
    computed = ("revision",)

    revision: Output[str]


@dataclass(frozen=True)
class RenewalArgs:
    """``version``: of the app-key. ``retire``: renew now. ``command`` is empty where the release has none; ``timeout``
    in seconds."""

    directory: Input[str]
    release: Input[str]
    path: Input[str]
    command: Input[Sequence[str]]
    timeout: Input[int]
    version: Input[int]
    retire: Input[bool]
    environment: Input[Mapping[str, Input[str]]]


class Renewal(PluginResource):
    """The gate before the app-key's previous value is retired: what is encrypted under that is encrypted anew."""

    token = "pitchbar:local:Renewal"
    computed = ("renewed",)


@dataclass(frozen=True)
class ServiceArgs:
    """``{socket}`` in ``command`` is the process' own listener; ``health_path`` is empty where it doesn't listen.
    Times in seconds."""

    directory: Input[str]
    process: Input[str]
    release: Input[str]
    path: Input[str]
    command: Input[Sequence[str]]
    replicas: Input[int]
    health_path: Input[str]
    ready_timeout: Input[int]
    stop_timeout: Input[int]
    environment: Input[Mapping[str, Input[str]]]


class Service(PluginResource):
    """The processes of one kind of one release."""

    token = "pitchbar:local:Service"
    computed = ("generation", "running")

    generation: Output[str]
    replicas: Output[int]


@dataclass(frozen=True)
class VerificationArgs:
    """``generations`` and ``replicas`` by process; ``timeout`` in seconds."""

    directory: Input[str]
    release: Input[str]
    generations: Input[Mapping[str, Input[str]]]
    replicas: Input[Mapping[str, Input[int]]]
    timeout: Input[int]
    queue_token: Input[str]
    realtime_key: Input[str]


class Verification(PluginResource):
    """The gate between a release's new processes and the gateway's switch to them."""

    token = "pitchbar:local:Verification"
    computed = ("verified",)

    verified: Output[str]


@dataclass(frozen=True)
class GatewayArgs:
    """``hosts``: the process that each host name leads to; ``port`` 0 finds one."""

    directory: Input[str]
    hosts: Input[Mapping[str, Input[str]]]
    replicas: Input[Mapping[str, Input[int]]]
    tls: Input[bool] = False
    port: Input[int] = 0


class Gateway(PluginResource):
    """Caddy in front of the app and the realtime server; it has its address before anything is behind it."""

    token = "pitchbar:local:Gateway"
    singleton = True
    computed = ("bound_port", "running", "ca_certificate")

    bound_port: Output[int]
    ca_certificate: Output[str]


@dataclass(frozen=True)
class RouteArgs:
    """``generations``: for each process that visitors reach, the one they shall reach. ``release``: whose they are."""

    directory: Input[str]
    release: Input[str]
    generations: Input[Mapping[str, Input[str]]]


class Route(PluginResource):
    """The switch of the gateway's visitors from one release to the next."""

    token = "pitchbar:local:Route"
    singleton = True
    computed = ("current",)

    release: Output[str]


@dataclass(frozen=True)
class CronRuntimeArgs:
    """See :class:`CronRuntime`."""

    directory: Input[str]


class CronRuntime(PluginResource):
    """Cloudflare's own runtime, loaded and waiting for the cron Worker."""

    token = "pitchbar:local:CronRuntime"
    singleton = True


@dataclass(frozen=True)
class CronWorkerArgs:
    """``script``: of the Worker. ``url``: the app, the only address that it can reach. ``interval`` in seconds."""

    directory: Input[str]
    script: Input[str]
    url: Input[str]
    interval: Input[int]
    cron: Input[str]
    token: Input[str]
    ca_certificate: Input[str] = ""


class CronWorker(PluginResource):
    """The cron Worker in Cloudflare's own runtime, with a clock of its own."""

    token = "pitchbar:local:CronWorker"
    singleton = True
    computed = ("script_digest", "running")

    script_digest: Output[str]
