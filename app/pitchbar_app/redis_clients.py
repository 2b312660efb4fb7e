"""Connections to Redis that come back after a restart of the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from pitchbar_app.settings import App, Redis

if TYPE_CHECKING:
    import redis
    import redis.asyncio

TIMEOUT = 2.0


def blocking(settings: Redis, app: App, *, retries: int = 3) -> redis.Redis:
    """A client for jobs and for RQ, whose workers lengthen the timeout for their wait."""
    import redis
    from redis.retry import Retry

    retry: Retry = Retry(_backoff(), retries, supported_errors=(RedisConnectionError, RedisTimeoutError))
    return redis.Redis(**_parameters(settings, app), retry=retry)


def asynchronous(settings: Redis, app: App, *, retries: int = 2) -> redis.asyncio.Redis:
    """A client for the event loop."""
    import redis.asyncio
    from redis.asyncio.retry import Retry

    retry: Retry = Retry(_backoff(), retries, supported_errors=(RedisConnectionError, RedisTimeoutError))
    return redis.asyncio.Redis(**_parameters(settings, app), retry=retry)


def _backoff() -> ExponentialWithJitterBackoff:
    return ExponentialWithJitterBackoff(base=0.05, cap=0.5)


def _parameters(settings: Redis, app: App) -> dict[str, Any]:
    return {
        "host": settings.host,
        "port": settings.port,
        "password": settings.password.reveal() or None,
        # With the default: the certificate must be good for the host.
        "ssl": settings.tls,
        "client_name": f"pitchbar-{app.process}",
        "socket_connect_timeout": TIMEOUT,
        "socket_timeout": TIMEOUT,
        "socket_keepalive": True,
        "health_check_interval": 15,
    }
