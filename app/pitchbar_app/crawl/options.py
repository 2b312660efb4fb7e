"""How the crawler behaves: limits, and the waits between its attempts."""

from __future__ import annotations

from dataclasses import dataclass

from pitchbar_app.environ import Reader

AGENT = "Pitchbar"
RETRIES = 3


@dataclass(frozen=True)
class Crawl:
    """Seconds, except where the name says otherwise."""

    backoff: tuple[int, ...]
    """The waits before each of the three retries of a job that failed for a passing reason."""
    rate_limit_wait: int
    """How long a page is put aside when its site answers 429; no retry is spent on it."""
    retry_until: int
    """How long a page may be put aside again and again before it is given up."""
    timeout: int
    """The longest that one job may run."""
    max_pages: int
    max_depth: int
    guarded: bool
    """Whether only addresses of the public internet may be asked."""


def read(reader: Reader, environment: str) -> Crawl:
    """The options that the environment variables say; every one has a default."""
    return Crawl(
        backoff=reader.numbers("CRAWL_BACKOFF", "30,90,180", RETRIES),
        rate_limit_wait=reader.integer("CRAWL_RATE_LIMIT_WAIT", 1, 3600, default=60),
        retry_until=reader.integer("CRAWL_RETRY_UNTIL", 1, 86_400, default=3600),
        timeout=reader.integer("CRAWL_TIMEOUT", 1, 600, default=90),
        max_pages=reader.integer("CRAWL_MAX_PAGES", 1, 10_000, default=200),
        max_depth=reader.integer("CRAWL_MAX_DEPTH", 0, 100, default=5),
        guarded=environment != "local",
    )
