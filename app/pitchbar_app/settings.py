"""What a process needs to know: frozen values, read once from the environment (the names are Laravel's)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from pitchbar_app.crawl import options as crawl_options
from pitchbar_app.crawl.options import Crawl
from pitchbar_app.environ import Reader
from pitchbar_app.secret import Secret

SSLMODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


@dataclass(frozen=True)
class App:
    """Who this process is."""

    environment: str
    release: str
    process: str
    stop_timeout: int
    trusted_proxies: tuple[str, ...]
    """The networks of the proxies that are believed who a request came from; `*` for every peer."""


@dataclass(frozen=True)
class Database:
    """Where PostgreSQL is."""

    host: str
    port: int
    name: str
    user: str
    password: Secret
    sslmode: str
    """libpq's."""


@dataclass(frozen=True)
class Redis:
    """Where Redis is; an empty password means a server without authentication."""

    host: str
    port: int
    password: Secret
    tls: bool


@dataclass(frozen=True)
class Realtime:
    """The realtime server as browsers reach it."""

    app_id: str
    key: str
    secret: Secret
    host: str
    port: int
    scheme: str
    activity_timeout: int
    max_connections: int
    """How many clients may be connected at the same time; 0 for as many as there is room for."""

    @property
    def origin(self) -> str:
        """The WebSocket origin for browsers, for example wss://realtime.example.com."""
        scheme = "wss" if self.scheme == "https" else "ws"
        usual = 443 if scheme == "wss" else 80
        return f"{scheme}://{self.host}" if self.port == usual else f"{scheme}://{self.host}:{self.port}"


@dataclass(frozen=True)
class Web:
    """Settings of the web process."""

    app: App
    database: Database
    redis: Redis
    realtime: Realtime
    keys: tuple[Secret, ...]
    """APP_KEY, then the keys of APP_PREVIOUS_KEYS."""
    admin_password: Secret
    queue_tokens: tuple[Secret, ...]
    url: str
    widget_url: str
    crawl: Crawl
    answers_per_minute: int
    secrets: tuple[Secret, ...]


@dataclass(frozen=True)
class Pool:
    """How many worker processes the worker keeps: at least `min` and at most `max`, and between them one for each
    `backlog` jobs that wait, are delayed or are reserved."""

    min: int = 1
    max: int = 1
    backlog: int = 100


@dataclass(frozen=True)
class Worker:
    """Settings of the worker process; `queues` are served in this order."""

    app: App
    database: Database
    redis: Redis
    realtime_app_id: str
    keys: tuple[Secret, ...]
    queues: tuple[str, ...]
    crawl: Crawl
    lease: int
    """Seconds after its last sign of life from which on a worker counts as vanished, and another takes its job."""
    pool: Pool
    secrets: tuple[Secret, ...]


@dataclass(frozen=True)
class RealtimeServer:
    """Settings of the realtime process."""

    app: App
    redis: Redis
    realtime: Realtime
    secrets: tuple[Secret, ...]


@dataclass(frozen=True)
class Migrate:
    """Settings of a migration run."""

    app: App
    database: Database
    compatible_revisions: tuple[str, ...]
    """Newer revisions of the schema that leave this release working."""
    secrets: tuple[Secret, ...]


@dataclass(frozen=True)
class Renewal:
    """Settings of `renew-settings`."""

    app: App
    database: Database
    keys: tuple[Secret, ...]
    secrets: tuple[Secret, ...]


def load_web(environ: Mapping[str, str]) -> Web:
    """Read the web process's settings; every problem is reported at once."""
    reader = Reader(environ)
    app, database, redis, realtime = _app(reader, "app"), _database(reader), _redis(reader), _realtime(reader)
    keys, admin_password = _keys(reader), reader.secret("ADMIN_PASSWORD")
    tokens = (reader.secret("INTERNAL_QUEUE_TOKEN"), reader.secret("INTERNAL_QUEUE_TOKEN_PREVIOUS", optional=True))
    url, widget_url = reader.url("APP_URL"), _widget_url(reader)
    crawl = crawl_options.read(reader, app.environment)
    answers_per_minute = reader.integer("ANSWERS_PER_MINUTE", 1, 100_000, default=60)
    reader.check()
    return Web(
        app=app,
        database=database,
        redis=redis,
        realtime=realtime,
        keys=keys,
        admin_password=admin_password,
        queue_tokens=tuple(token for token in tokens if token),
        url=url,
        widget_url=widget_url,
        crawl=crawl,
        answers_per_minute=answers_per_minute,
        secrets=tuple(reader.secrets),
    )


def load_renewal(environ: Mapping[str, str]) -> Renewal:
    """Read a renewal's settings; every problem is reported at once."""
    reader = Reader(environ)
    app, database, keys = _app(reader, "renewal"), _database(reader), _keys(reader)
    reader.check()
    return Renewal(app, database, keys, tuple(reader.secrets))


def load_worker(environ: Mapping[str, str]) -> Worker:
    """Read the worker's settings; every problem is reported at once."""
    reader = Reader(environ)
    app, database, redis = _app(reader, "worker"), _database(reader), _redis(reader)
    app_id, keys = reader.name("REVERB_APP_ID"), _keys(reader)
    queues = reader.names("QUEUES", "crawl,index,default")
    canary_queue = reader.name("CANARY_QUEUE", "")
    crawl = crawl_options.read(reader, app.environment)
    lease = reader.integer("QUEUE_LEASE", 3, 3600, default=30)
    pool = _pool(reader)
    reader.check()
    if canary_queue and canary_queue not in queues:
        queues = (*queues, canary_queue)
    return Worker(app, database, redis, app_id, keys, queues, crawl, lease, pool, tuple(reader.secrets))


def load_realtime(environ: Mapping[str, str]) -> RealtimeServer:
    """Read the realtime server's settings; every problem is reported at once."""
    reader = Reader(environ)
    app, redis, realtime = _app(reader, "realtime"), _redis(reader), _realtime(reader)
    reader.check()
    return RealtimeServer(app, redis, realtime, tuple(reader.secrets))


def load_migrate(environ: Mapping[str, str]) -> Migrate:
    """Read a migration's settings; every problem is reported at once."""
    reader = Reader(environ)
    app, database = _app(reader, "migrate"), _database(reader)
    compatible = reader.names("COMPATIBLE_REVISIONS", "") if environ.get("COMPATIBLE_REVISIONS") else ()
    reader.check()
    return Migrate(app, database, compatible, tuple(reader.secrets))


def _app(reader: Reader, process: str) -> App:
    return App(
        environment=reader.name("APP_ENV"),
        release=reader.name("APP_RELEASE"),
        process=reader.name("APP_PROCESS", process),
        stop_timeout=reader.integer("STOP_TIMEOUT", 1, 3600, default=30),
        trusted_proxies=reader.networks("TRUSTED_PROXIES"),
    )


def _pool(reader: Reader) -> Pool:
    smallest = reader.integer("HORIZON_MIN_PROCESSES", 1, 100, default=1)
    return Pool(
        min=smallest,
        max=reader.integer("HORIZON_MAX_PROCESSES", smallest, 100, default=smallest),
        backlog=reader.integer("HORIZON_BACKLOG_PER_PROCESS", 1, 1_000_000, default=100),
    )


def _keys(reader: Reader) -> tuple[Secret, ...]:
    return (reader.secret("APP_KEY"), *reader.keys("APP_PREVIOUS_KEYS"))


def _database(reader: Reader) -> Database:
    return Database(
        host=reader.text("DB_HOST"),
        port=reader.integer("DB_PORT", 1, 65535, default=5432),
        name=reader.text("DB_DATABASE"),
        user=reader.text("DB_USERNAME"),
        password=reader.secret("DB_PASSWORD"),
        sslmode=reader.choice("DB_SSLMODE", SSLMODES, default="prefer"),
    )


def _redis(reader: Reader) -> Redis:
    return Redis(
        host=reader.text("REDIS_HOST"),
        port=reader.integer("REDIS_PORT", 1, 65535, default=6379),
        password=reader.secret("REDIS_PASSWORD", optional=True),
        tls=reader.choice("REDIS_SCHEME", ("tcp", "tls"), default="tcp") == "tls",
    )


def _realtime(reader: Reader) -> Realtime:
    return Realtime(
        app_id=reader.name("REVERB_APP_ID"),
        key=reader.name("REVERB_APP_KEY"),
        secret=reader.secret("REVERB_APP_SECRET"),
        host=reader.name("REVERB_HOST"),
        port=reader.integer("REVERB_PORT", 1, 65535),
        scheme=reader.choice("REVERB_SCHEME", ("http", "https")),
        activity_timeout=reader.integer("REVERB_APP_ACTIVITY_TIMEOUT", 1, 600, default=30),
        max_connections=reader.integer("REVERB_APP_MAX_CONNECTIONS", 0, 1_000_000, default=0),
    )


def _widget_url(reader: Reader) -> str:
    """The address of the widget's script; the address of its host alone is completed."""
    url = reader.url("WIDGET_URL")
    return url if urlsplit(url).path.strip("/") or not url else url.rstrip("/") + "/widget/widget.js"
