"""The environment variables of Pitchbar's processes: the contract between a target and an image. The names are
Laravel's.

Values may be Pulumi outputs, so they are typed as ``Any``; a target fills in what it made.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.model import Environment, Runtime, Telemetry


@dataclass(frozen=True)
class Database:
    """Where PostgreSQL is and how the app signs in. ``sslmode``: libpq's. ``authority``: the certificate of who must
    have signed the server's, as PEM, and ``authority_file``: where it is put for libpq; empty for none. ``cluster``:
    its data, so that new data gets its schema."""

    host: Any
    port: Any
    name: Any
    username: Any
    password: Any
    sslmode: Any = "prefer"
    authority: Any = ""
    authority_file: str = ""
    cluster: Any = ""


@dataclass(frozen=True)
class Cache:
    """Where Redis is and its password. ``scheme``: tcp or tls."""

    host: Any
    port: Any
    password: Any
    scheme: Any = "tcp"


@dataclass(frozen=True)
class Address:
    """Where browsers reach Pitchbar. ``scheme``: http or https; ``realtime_host`` and ``port``: the WebSocket
    server's."""

    app_url: Any
    widget_url: Any
    scheme: Any
    realtime_host: Any
    port: Any


@dataclass(frozen=True)
class Keys:
    """The environment's secrets. ``queue_token_previous`` and ``app_previous_keys`` (several with commas between them)
    are empty unless the token or the key is being rotated."""

    app_key: Any
    app_previous_keys: Any
    admin_password: Any
    queue_token: Any
    queue_token_previous: Any
    realtime_key: Any
    realtime_secret: Any


REALTIME_APP_ID = "1"
"""A number, as Reverb's are: some of Pusher's libraries for servers take nothing else."""
DATABASE = "pitchbar"
"""The database's name, and its owner's."""


def database_variables(database: Database) -> dict[str, Any]:
    """How a process finds PostgreSQL. libpq reads the name of the authority's file by itself, in every language."""
    trusted = {"DB_AUTHORITY": database.authority, "PGSSLROOTCERT": database.authority_file}
    return {
        "DB_CONNECTION": "pgsql",
        "DB_HOST": database.host,
        "DB_PORT": database.port,
        "DB_DATABASE": database.name,
        "DB_USERNAME": database.username,
        "DB_PASSWORD": database.password,
        "DB_SSLMODE": database.sslmode,
        **(trusted if database.authority_file else {}),
    }


def cache_variables(cache: Cache) -> dict[str, Any]:
    """How a process finds Redis."""
    return {
        "QUEUE_CONNECTION": "redis",
        "REDIS_SCHEME": cache.scheme,
        "REDIS_HOST": cache.host,
        "REDIS_PORT": cache.port,
        "REDIS_PASSWORD": cache.password,
    }


def key_variables(keys: Keys) -> dict[str, Any]:
    """The secrets that processes share."""
    return {
        "APP_KEY": keys.app_key,
        "APP_PREVIOUS_KEYS": keys.app_previous_keys,
        "ADMIN_PASSWORD": keys.admin_password,
        "INTERNAL_QUEUE_TOKEN": keys.queue_token,
        "INTERNAL_QUEUE_TOKEN_PREVIOUS": keys.queue_token_previous,
        "REVERB_APP_ID": REALTIME_APP_ID,
        "REVERB_APP_KEY": keys.realtime_key,
        "REVERB_APP_SECRET": keys.realtime_secret,
    }


def address_variables(address: Address) -> dict[str, Any]:
    """The public addresses."""
    return {
        "APP_URL": address.app_url,
        "WIDGET_URL": address.widget_url,
        "BROADCAST_CONNECTION": "reverb",
        "REVERB_HOST": address.realtime_host,
        "REVERB_PORT": address.port,
        "REVERB_SCHEME": address.scheme,
    }


def pool_variables(smallest: int, largest: int, backlog: int) -> dict[str, str]:
    """How many worker processes one worker keeps, and how many jobs of the backlog one of them should take. Where the
    platform adds and removes workers, each keeps one: ``smallest`` and ``largest`` are 1. The names are those that
    configurations of Laravel's Horizon use for its ``minProcesses`` and ``maxProcesses``."""
    return {
        "HORIZON_MIN_PROCESSES": str(smallest),
        "HORIZON_MAX_PROCESSES": str(largest),
        "HORIZON_BACKLOG_PER_PROCESS": str(backlog),
    }


def release_variables(environment: str, release: Any) -> dict[str, Any]:
    """What a process says of itself."""
    return {"APP_ENV": environment, "APP_RELEASE": release}


def proxy_variables(cidrs: Any) -> dict[str, Any]:
    """Whom a process believes who a request came from: the addresses of what is between it and visitors, with commas
    between them. Without it every peer is believed, which is right behind a gateway on the same machine only."""
    return {"TRUSTED_PROXIES": cidrs}


def storage_variables(bucket: Any, region: str) -> dict[str, Any]:
    """Where files are kept; the permission is the task's own."""
    return {"FILESYSTEM_DISK": "s3", "AWS_BUCKET": bucket, "AWS_DEFAULT_REGION": region}


def telemetry_variables(telemetry: Telemetry, product: str) -> dict[str, Any]:
    """Where traces and errors go, if anywhere; the names are OpenTelemetry's and Sentry's."""
    traces = {"OTEL_EXPORTER_OTLP_ENDPOINT": telemetry.otlp_endpoint, "OTEL_SERVICE_NAME": product}
    errors = {"SENTRY_LARAVEL_DSN": telemetry.sentry_dsn}
    return {**(traces if telemetry.otlp_endpoint else {}), **(errors if telemetry.sentry_dsn else {})}


def profile_variables(environment: Environment) -> dict[str, Any]:
    """What an image has to know besides, where it can write to /tmp only: Laravel writes compiled views and caches
    beside its code and its log into a file, and begins its keys in Redis with its own name, unless it is told
    otherwise."""
    if environment.runtime == "bundled":
        return {}
    caches = ("CONFIG", "EVENTS", "PACKAGES", "ROUTES", "SERVICES")
    return {
        "LOG_CHANNEL": "stderr",
        "REDIS_PREFIX": "",
        "REDIS_QUEUE_RETRY_AFTER": str(environment.processes.worker.retry_after),
        "VIEW_COMPILED_PATH": "/tmp/views",
        "XDG_CONFIG_HOME": "/tmp/config",
        "XDG_DATA_HOME": "/tmp/data",
        **{f"APP_{name}_CACHE": f"/tmp/{name.lower()}.php" for name in caches},
    }


SECRETS = frozenset(
    {
        *("ADMIN_PASSWORD", "APP_KEY", "APP_PREVIOUS_KEYS", "DB_PASSWORD", "INTERNAL_QUEUE_TOKEN"),
        *("INTERNAL_QUEUE_TOKEN_PREVIOUS", "REDIS_PASSWORD", "REVERB_APP_KEY", "REVERB_APP_SECRET"),
    }
)
"""The variables that are secrets: a target never shows them."""

_SIGNING = ("REVERB_APP_KEY", "REVERB_APP_SECRET")
_READ: Mapping[str, frozenset[str]] = {
    "worker": frozenset({"APP_KEY", "APP_PREVIOUS_KEYS", "DB_PASSWORD", "REDIS_PASSWORD"}),
    "realtime": frozenset({"REDIS_PASSWORD", *_SIGNING}),
    "migration": frozenset({"DB_PASSWORD"}),
    "renewal": frozenset({"APP_KEY", "APP_PREVIOUS_KEYS", "DB_PASSWORD"}),
}


def readable(process: str, runtime: Runtime, secrets: Mapping[str, Any]) -> dict[str, Any]:
    """Of all secrets those that a process reads, so that it is given no others. Every process of Laravel reads the
    whole configuration."""
    wanted = _READ.get(process) if runtime == "bundled" else None
    return {name: value for name, value in secrets.items() if wanted is None or name in wanted}


def canary_queue(release: str) -> str:
    """The queue that only this release's workers serve, for the job that proves them."""
    return f"canary-{release}"
