"""What the crawler reads and what it leaves: limits, robots.txt, the sitemap, redirects, duplicates."""

from __future__ import annotations

import gzip

import pytest

from tests.app.api import Client
from tests.app.processes import Launcher, Process
from tests.app.website import Page, Reply, page, website


@pytest.fixture
def client(app: Launcher) -> Client:
    app.start("worker")
    return Client(app.start("web", wait="/ready"))


def text(number: int) -> str:
    return f"The text of page number {number}, which no other page has."


def test_limits_of_pages_and_depth(client: Client) -> None:
    pages: dict[str, Page] = {f"/{n}": page(f"P{n}", text(n), f"/{n + 1}", f"/x{n}") for n in range(6)}
    with website({**pages, "/": page("Home", "Start.", "/0")}) as site:
        shallow = client.wait_for(client.add(site.url(), max_depth=2))
        assert {path for _, path, _ in site.visits} == {"/robots.txt", "/sitemap.xml", "/", "/0", "/1", "/x0"}
        site.visits.clear()
        few = client.wait_for(client.add(site.url("/0"), max_pages=3))
        assert len([path for _, path, _ in site.visits if not path.endswith((".txt", ".xml"))]) == 3
    assert shallow["pages"]["done"] == 3
    assert sum(few["pages"].values()) == 3


def test_robots_and_sitemap(client: Client) -> None:
    robots = "User-agent: *\nDisallow: /secret\nDisallow: /*.draft$\n\nSitemap: {0}/map.xml\n"
    with website({"/": page("Home", "Start.", "/secret/1", "/a.draft"), "/listed": page("Listed", text(1))}) as site:
        site.pages["/robots.txt"] = Reply(robots.format(site.address), headers={"Content-Type": "text/plain"})
        index = f"<sitemapindex><sitemap><loc>{site.url('/sub.xml')}</loc></sitemap></sitemapindex>"
        urls = f"<url><loc><![CDATA[{site.url('/listed')}]]></loc></url><url><loc>http://other.example/</loc></url>"
        site.pages |= {"/map.xml": Reply(index), "/sub.xml": Reply(f"<urlset>{urls}</urlset>")}
        source = client.wait_for(client.add(site.url()))
    assert source["pages"] == {"queued": 0, "done": 2, "failed": 0, "skipped": 0}
    assert not {path for _, path, _ in site.visits} & {"/secret/1", "/a.draft", "/sitemap.xml"}


def test_a_site_that_wants_no_visit(client: Client) -> None:
    with website({"/": page("Home", "Start."), "/robots.txt": "User-agent: *\nDisallow: /"}) as site:
        source = client.wait_for(client.add(site.url()))
    assert source["error"] == "The site's robots.txt does not allow Pitchbar to read this page."
    assert site.times("/") == []


def test_a_site_that_wants_its_pages_read_slowly(client: Client) -> None:
    links = ("/a", "/b", "/c")
    with website({"/robots.txt": "User-agent: *\nCrawl-delay: 1"}) as site:
        site.pages |= {link: page(link, text(number)) for number, link in enumerate(links)}
        site.pages["/"] = page("Home", "Start.", *links)
        source = client.wait_for(client.add(site.url()))
        [first], *others = [site.times(path) for path in ("/", *links)]
    assert source["pages"]["done"] == 4
    for number, [moment] in enumerate(others):
        assert moment - first > number, "one page in a second; RQ cuts the moment of each to a whole one"


def test_redirects_stay_on_the_site_and_end(client: Client) -> None:
    def to(where: str) -> Reply:
        return Reply("", 302, {"Location": where})

    with website() as other, website({"/old": to("/new"), "/new": page("New", text(2)), "/loop": to("/loop")}) as site:
        site.pages |= {"/": page("Home", "Start.", "/old", "/away", "/loop"), "/away": to(other.url("/"))}
        source = client.wait_for(client.add(site.url()))
        assert other.visits == []
    assert source["pages"] == {"queued": 0, "done": 2, "failed": 1, "skipped": 1}
    notes = {each["url"]: each["error"] for each in source["problems"]}
    assert notes[site.url("/away")] == f"The page sends its visitors to another site ({other.url('/')})."
    assert notes[site.url("/loop")] == "The page sends its visitors on more than 5 times."


def test_first_page_may_lead_to_the_real_host(client: Client) -> None:
    with website({"/": page("Real", text(3), "/more"), "/more": page("More", text(4))}) as real, website() as alias:
        alias.pages["/"] = Reply("", 301, {"Location": real.url("/")})
        source = client.wait_for(client.add(alias.url()))
    assert source["pages"]["done"] == 2


def test_one_page_under_many_addresses_is_read_once(client: Client) -> None:
    same = ("/a", "/a#part", "/a?utm_source=x", "/./a", "/b/../a", "//127.0.0.1:{port}/a", "/%61")
    with website({"/a": page("A", text(5)), "/copy": page("A", text(5))}) as site:
        port = site.address.rpartition(":")[2]
        site.pages["/"] = page("Home", "Start.", *(link.format(port=port) for link in same), "/copy")
        source = client.wait_for(client.add(site.url()))
    assert len(site.times("/a")) == 1
    assert source["pages"] == {"queued": 0, "done": 2, "failed": 0, "skipped": 1}
    assert "says the same as another page" in source["problems"][0]["error"]


def test_sizes_are_bounded_before_and_after_unpacking(client: Client) -> None:
    bomb = Reply(gzip.compress(b"<p>" + b"a" * 60_000_000), headers={"Content-Encoding": "gzip"})
    packed = Reply(gzip.compress(page("Packed", text(6)).encode()), headers={"Content-Encoding": "gzip"})
    huge = Reply("<p>" + "a" * 2_200_000)
    with website({"/bomb": bomb, "/packed": packed, "/huge": huge}) as site:
        site.pages["/"] = page("Home", "Start.", "/bomb", "/packed", "/huge")
        source = client.wait_for(client.add(site.url()))
    assert source["pages"] == {"queued": 0, "done": 2, "failed": 2, "skipped": 0}
    assert {each["error"] for each in source["problems"]} == {"The page is larger than 2 MB."}


def test_outside_local_a_site_on_this_machine_is_not_read(app: Launcher, client: Client) -> None:
    for process in app.processes:
        process.stop()
    guarded: Process = app.start("web", wait="/ready", APP_ENV="production")
    app.start("worker", APP_ENV="production")
    client = Client(guarded)
    with website({"/": page("Inside", "Secret.")}) as site:
        for url in (site.url(), "http://127.0.0.1/", "http://[::ffff:169.254.169.254]/", "http://2130706433/"):
            source = client.wait_for(client.add(url))
            assert source["status"] == "failed"
            assert "only the usual ports" in source["error"] or "not a site on the public internet" in source["error"]
        assert site.visits == []
