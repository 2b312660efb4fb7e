"""Each class of failure of CrawlPageJob, against a site that misbehaves on purpose and a real worker.

The waits are shortened by settings; what is measured is how often and when the site was asked, and what the customer
reads on the source.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from itertools import pairwise

import pytest

from tests.app.api import Client
from tests.app.processes import Launcher, Process
from tests.app.website import Reply, Website, page, website
from tests.support.processes import wait_until
from tests.support.services import Redis, free_port

GOOD = page("Good", "Here is some text to be found.")


@pytest.fixture
def client(app: Launcher) -> Client:
    return Client(app.start("web", wait="/ready", **WAITS))


WAITS = {"CRAWL_BACKOFF": "1,3,1", "CRAWL_RATE_LIMIT_WAIT": "1", "CRAWL_RETRY_UNTIL": "3", "CRAWL_TIMEOUT": "60"}


def worker(app: Launcher, **changes: str) -> Process:
    return app.start("worker", **WAITS | changes)


def waited(site: Website, *waits: int) -> bool:
    """Whether these were the waits between the visits at least; RQ cuts the moment of the next to a whole second."""
    gaps = [later - earlier for earlier, later in pairwise(site.times("/"))]
    assert len(gaps) == len(waits), gaps
    return all(wait - 1 < gap for gap, wait in zip(gaps, waits, strict=True))


def failed_jobs(redis: Redis) -> int:
    return int(redis.execute("ZCARD", "rq:failed:crawl").removeprefix(":"))


REASONS = {
    400: "it calls our request malformed",
    401: "the page needs a password",
    403: "the site does not let Pitchbar read this page",
    404: "there is no page at this address",
    410: "the page was removed",
    451: "the page is blocked for legal reasons",
}


def test_permanent_answers_fail_at_once(app: Launcher, client: Client, redis: Redis) -> None:
    worker(app)
    before = failed_jobs(redis)
    for status, reason in REASONS.items():
        with website({"/": Reply("no", status)}) as site:
            source = client.wait_for(client.add(site.url()))
        host = site.address.removeprefix("http://")
        assert (source["status"], source["error"]) == ("failed", f"{host} answered {status}: {reason}.")
        assert len(site.times("/")) == 1
    wait_until(lambda: failed_jobs(redis) == before + len(REASONS), "a job that failed for good is in its registry")


def test_refused_connection_and_unknown_name_fail_at_once(app: Launcher, client: Client) -> None:
    worker(app)
    closed = f"127.0.0.1:{free_port()}"
    refused = client.wait_for(client.add(f"http://{closed}/"))
    assert refused["error"] == f"{closed} refuses connections: no web server answers there."
    unknown = client.wait_for(client.add("http://no-such-name.invalid/"))
    assert unknown["error"] == "There is no site called no-such-name.invalid: its name cannot be found."
    assert refused["status"] == unknown["status"] == "failed"


def test_malformed_addresses_are_refused_when_they_are_added(client: Client) -> None:
    for url in ("ftp://a.example/", "http://", "http://user:secret@a.example/", "http://a b/", "x" * 3000):
        assert client.send("POST", "/api/v1/sources", {"url": url}).status == 422, url


def test_passing_failures_are_tried_three_times_more_with_growing_waits(app: Launcher, client: Client) -> None:
    worker(app)
    with website({"/": Reply("oops", 503)}) as site:
        source_id = client.add(site.url())
        waiting = client.wait_for(source_id, "crawling")
        source = client.wait_for(source_id)
    assert waiting["error"] is None
    assert waited(site, 1, 3, 1), site.visits
    assert source["status"] == "failed"
    assert "has a problem of its own at the moment (it answered 503)" in source["error"]


def fail_twice(number: int) -> Reply:
    return [Reply(hang_up=True), Reply("oops", 500)][number - 1] if number <= 2 else Reply(GOOD)


def test_a_page_that_recovers_is_indexed(app: Launcher, client: Client) -> None:
    worker(app)
    with website({"/": fail_twice}) as site:
        source = client.wait_for(client.add(site.url()))
    assert (source["status"], source["error"], source["problems"]) == ("ready", None, [])
    assert len(site.times("/")) == 3


def limited(times: int) -> Callable[[int], Reply]:
    return lambda number: Reply("slow down", 429) if number <= times else Reply("oops", 500)


def test_429_is_put_aside_and_costs_no_retry(app: Launcher, client: Client) -> None:
    """Two times 429, then 500: all three retries are still there after it."""
    worker(app, CRAWL_RETRY_UNTIL="60")
    with website({"/": limited(2)}) as site:
        source = client.wait_for(client.add(site.url()))
    assert source["status"] == "failed"
    assert waited(site, 1, 1, 1, 3, 1), site.visits


def test_429_for_ever_is_given_up(app: Launcher, client: Client) -> None:
    worker(app)
    with website({"/": Reply("slow down", 429)}) as site:
        source_id = client.add(site.url())
        wait_until(lambda: client.source(source_id)["problems"], "the customer sees a problem")
        assert "asked us to slow down (429)" in client.source(source_id)["problems"][0]["error"]
        source = client.wait_for(source_id)
    host = site.address.removeprefix("http://")
    assert source["error"] == f"{host} keeps asking us to slow down (429). Add the source again later."
    assert 2 <= len(site.times("/")) <= 5


def test_timeout_fails_at_once_and_tells_the_customer(app: Launcher, redis: Redis) -> None:
    limit = {"CRAWL_TIMEOUT": "5"}
    client = Client(app.start("web", wait="/ready", **WAITS | limit))
    worker(app, **limit)
    before = failed_jobs(redis)
    with website({"/": Reply("<p>slow", trickle=True)}) as site:
        source = client.wait_for(client.add(site.url()))
        assert (source["status"], source["error"]) == ("failed", "The page took longer than 5 seconds to read.")
        assert len(site.times("/")) == 1
    wait_until(lambda: failed_jobs(redis) == before + 1, "the job is in the registry of failed ones")


def test_delayed_job_outlives_its_worker(app: Launcher, redis: Redis) -> None:
    first, client = worker(app), Client(app.start("web", wait="/ready", CRAWL_BACKOFF="3,1,1"))
    with website({"/": fail_twice}) as site:
        source_id = client.add(site.url())
        wait_until(lambda: redis.execute("ZCARD", "rq:scheduled:crawl") == ":1", "the job is put aside")
        first.stop(signal.SIGKILL)
        time.sleep(1.5)
        assert len(site.times("/")) == 1, "nobody is there to try again"
        worker(app)
        assert client.wait_for(source_id)["status"] == "ready"


def test_one_dead_page_does_not_fail_its_source(app: Launcher, client: Client) -> None:
    worker(app)
    pages = {"/": page("Home", "Some text.", "/a", "/dead", "/file.pdf", "/data"), "/a": GOOD}
    with website({**pages, "/dead": Reply("x", 410), "/data": Reply("{}", headers={"Content-Type": "x/y"})}) as site:
        source = client.wait_for(client.add(site.url()))
    assert (source["status"], source["error"]) == ("ready", None)
    assert source["pages"] == {"queued": 0, "done": 2, "failed": 1, "skipped": 1}
    assert site.times("/file.pdf") == []


def test_a_page_without_text_says_why(app: Launcher, client: Client) -> None:
    worker(app)
    with website({"/": "<title>App</title><div id=root></div><script>render()</script>"}) as site:
        source = client.wait_for(client.add(site.url()))
    assert source["status"] == "failed"
    assert source["error"] == "There is no text on it that can be read without running its scripts."
