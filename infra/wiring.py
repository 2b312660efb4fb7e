"""The environment variables of Pitchbar's processes: the contract between a target and an image. The names are
Laravel's.

Values may be Pulumi outputs, so they are typed as ``Any``; a target fills in what it made.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Database:
    """Where PostgreSQL is and how the app signs in. ``cluster``: its data, so that new data gets its schema."""

    host: Any
    port: Any
    name: Any
    username: Any
    password: Any
    cluster: Any = ""


@dataclass(frozen=True)
class Cache:
    """Where Redis is and its password."""

    host: Any
    port: Any
    password: Any


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
    """How a process finds PostgreSQL."""
    return {
        "DB_CONNECTION": "pgsql",
        "DB_HOST": database.host,
        "DB_PORT": database.port,
        "DB_DATABASE": database.name,
        "DB_USERNAME": database.username,
        "DB_PASSWORD": database.password,
    }


def cache_variables(cache: Cache) -> dict[str, Any]:
    """How a process finds Redis."""
    return {
        "QUEUE_CONNECTION": "redis",
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
