"""CrawlPageJob: reads one page, keeps its text, and sends the pages it links to.

Laravel's meaning of the words: a passing failure is tried again three times, after 30, 90 and 180 seconds; a permanent
one fails at once; a site that answers 429 gets the page back after 60 seconds without a try being spent, for an hour;
a job that runs longer than 90 seconds has failed. See `pitchbar_app.jobs.failing` for what failing means.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from redis import Redis
from rq import Retry, get_current_job

from pitchbar_app import dispatch
from pitchbar_app.crawl import extract, robots, urls
from pitchbar_app.crawl.fetch import Response, fetch
from pitchbar_app.crawl.outcome import LeftSite, Permanent, RateLimited
from pitchbar_app.database import connect
from pitchbar_app.jobs.context import settings
from pitchbar_app.redis_clients import blocking
from pitchbar_app.settings import Worker
from pitchbar_app.store import Connection, pages, sources
from pitchbar_app.store.pages import Page

UNCOUNTED = 1_000_000
_FILES = re.compile(
    r"\.(?:pdf|zip|gz|tgz|bz2|xz|7z|rar|exe|dmg|iso|png|jpe?g|gif|webp|avif|svg|ico|mp[34]|webm|mov|avi|wav|ogg|css|js|"
    r"json|xml|rss|atom|txt|csv|docx?|xlsx?|pptx?|woff2?|ttf|eot|whl|deb|rpm|epub)$",
    re.IGNORECASE,
)


def run(page_id: int) -> Retry | None:
    """Crawl the page; a result that is not None asks for it to be put aside for a while."""
    worker = settings()
    with connect(worker.database, worker.app) as connection, blocking(worker.redis, worker.app) as redis:
        page = pages.find(connection, page_id)
        if page is None:
            return None
        delay = 0.0
        if page.status == "queued":
            sources.settle(connection, page.source_id)
            try:
                delay = _crawl(connection, worker, page)
            except RateLimited as reason:
                return _release(connection, worker, page, reason)
        _pass_on(connection, redis, worker, page, delay)
    return None


def _crawl(connection: Connection, worker: Worker, page: Page) -> float:
    """Read the page and keep what it says; the result is the distance in time that the site wants between pages."""
    guarded = worker.crawl.guarded
    text = page.robots if page.robots is not None else robots.read(urls.origin_of(page.url), guarded=guarded)
    rules = robots.Rules(text)
    _ask(rules, page.url)
    first = page.depth == 0
    try:
        response = fetch(page.url, guarded=guarded, stay_on=None if first else page.host, html_only=True)
    except LeftSite as reason:
        pages.end(connection, page.id, "skipped", str(reason))
        return 0
    origin = urls.origin_of(response.url)
    if urls.host_of(response.url) != urls.host_of(page.url):
        text = robots.read(origin, guarded=guarded)
        rules = robots.Rules(text)
        _ask(rules, response.url)
    listed = robots.pages(origin, rules, page.max_pages, guarded=guarded) if first else []
    if first:
        pages.site(connection, page.source_id, urls.host_of(response.url), text)
    _keep(connection, page, response, rules, listed)
    return rules.delay


def _ask(rules: robots.Rules, url: str) -> None:
    if not rules.allow(url):
        raise Permanent("The site's robots.txt does not allow Pitchbar to read this page.")


def _keep(connection: Connection, page: Page, response: Response, rules: robots.Rules, listed: list[str]) -> None:
    """Everything that the page gave, in one transaction."""
    host = urls.host_of(response.url)
    found = extract.extract(response.body, response.content_type, response.url, response.robots_headers)
    links = [link for link in found.links if urls.host_of(link) == host] if response.is_html else []
    wanted = [link for link in dict.fromkeys([*links, *listed]) if not _FILES.search(link) and rules.allow(link)]
    with connection.transaction():
        if page.depth < page.max_depth:
            pages.add(connection, page, wanted, page.depth + 1)
        reason = _useless(response, found)
        if reason is None and not pages.keep(connection, page, response.url, found):
            reason = "It says the same as another page."
        pages.end(connection, page.id, "skipped" if reason else "done", reason)


def _useless(response: Response, found: extract.Extract) -> str | None:
    if not response.is_html:
        return "It is not an HTML page."
    if not found.index:
        return "The page asks not to be found (noindex)."
    if not found.blocks:
        return "There is no text on it that can be read without running its scripts."
    return None


def _release(connection: Connection, worker: Worker, page: Page, reason: RateLimited) -> Retry:
    """Put the page aside; RQ counts what a job returns apart from what it raises, so that no retry is spent."""
    job = get_current_job()
    waited = (datetime.now(UTC) - job.created_at).total_seconds() if job else 0
    if waited >= worker.crawl.retry_until:
        raise Permanent(f"{page.host} keeps asking us to slow down (429). Add the source again later.") from reason
    pages.end(connection, page.id, "queued", f"{reason} Pitchbar waits and tries again.")
    return Retry(max=UNCOUNTED, interval=worker.crawl.rate_limit_wait)


def _pass_on(connection: Connection, redis: Redis, worker: Worker, page: Page, delay: float) -> None:
    dispatch.source(connection, redis, worker.crawl, page.source_id, delay)
    sources.settle(connection, page.source_id)
