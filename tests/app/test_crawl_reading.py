"""What real servers send that is not as it should be, read as a browser reads it."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import pytest

from tests.app.inside import inside
from tests.app.website import Page, Reply, website

GZIP = {"Content-Encoding": "gzip"}
PACKED = gzip.compress(b"<p>whole" * 500)

FETCH = """
    from pitchbar_app.crawl.fetch import fetch
    from pitchbar_app.crawl.outcome import CrawlFailure
    try:
        found = fetch(url, guarded=False)
        result = [found.url, found.body.decode()]
    except CrawlFailure as failure:
        result = [type(failure).__name__, str(failure)]
"""


def fetched(reply: Reply, **others: Page) -> Any:
    """What a fetch of this reply gives; the site's address is `SITE`."""
    with website({"/": reply, **{f"/{name}": page for name, page in others.items()}}) as site:
        first, second = inside(FETCH, url=site.url())
        return [first.replace(site.address, "SITE"), second]


@pytest.mark.parametrize(
    "reply",
    [Reply("<p>half", headers={"Content-Length": "1000"}), Reply(PACKED[:-20], headers=GZIP)],
    ids=["plain", "packed"],
)
def test_a_page_that_breaks_off_is_asked_for_again_and_not_kept_half(reply: Reply) -> None:
    kind, sentence = fetched(reply)
    assert kind == "Passing"
    assert sentence.endswith("broke off. Try again later.")


def test_a_packing_that_nobody_asked_for_is_no_text() -> None:
    reply = Reply(zlib.compress(b"<p>hello"), headers={"Content-Encoding": "deflate"})
    assert fetched(reply) == ["Permanent", "The page comes packed in a way that Pitchbar cannot unpack (deflate)."]
    assert fetched(Reply(b"", headers=GZIP)) == ["SITE/", ""], "nothing at all needs no unpacking"


@pytest.mark.parametrize(
    ("location", "meant"), [("/caf\xc3\xa9", "caf%C3%A9"), ("/x?a=b|c", "x?a=b%7Cc"), ("/a b", "a%20b")]
)
def test_redirects_lead_where_browsers_go(location: str, meant: str) -> None:
    found = fetched(Reply("", 302, {"Location": location}), **{meant: Reply("<p>there")})
    assert found == [f"SITE/{meant}", "<p>there"]


def test_a_name_with_several_addresses_is_tried_at_each() -> None:
    """`localhost` is ::1 and 127.0.0.1, and most servers of one's own listen on one of them."""
    code = """
        import socket
        from pitchbar_app.crawl.fetch import fetch
        port, listed = url.split(":")[2].strip("/"), ["127.0.0.3", "127.0.0.2", "127.0.0.1"]
        looked = socket.getaddrinfo
        def look(host, port, *more, **named):
            if host != "several.example":
                return looked(host, port, *more, **named)
            return [(2, 1, 6, "", (each, port)) for each in listed]
        socket.getaddrinfo = look
        result = fetch(f"http://several.example:{port}/", guarded=False).body.decode()
    """
    with website({"/": "<p>here"}) as site:
        assert inside(code, url=site.url()) == "<p>here"


ROBOTS = """
    from pitchbar_app.crawl import robots
    from pitchbar_app.crawl.outcome import CrawlFailure
    try:
        rules = robots.Rules(robots.read(origin, guarded=False))
        result = [rules.allow(origin + path) for path in ("/open", "/secret")]
    except CrawlFailure as failure:
        result = type(failure).__name__
"""
SECRET = "User-agent: *\nDisallow: /secret\n"


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (Reply("", 402), [True, True]),
        (Reply("", 418), [True, True]),
        (Reply("", 429), "RateLimited"),
        (Reply("", 503), "Passing"),
        (Reply(b"\xef\xbb\xbf" + SECRET.encode()), [True, False]),
        (Reply(SECRET + "# and so on\n" * 60_000), [True, False]),
    ],
    ids=["402", "418", "429", "503", "with a byte order mark", "longer than is read"],
)
def test_robots_txt_as_rfc_9309_has_it(reply: Reply, verdict: object) -> None:
    with website({"/robots.txt": reply}) as site:
        assert inside(ROBOTS, origin=site.address) == verdict


SITEMAP = """
    from pitchbar_app.crawl import robots
    result = robots.pages(origin, robots.Rules(""), 3, guarded=False)
"""


def test_sitemaps_packed_plain_and_endless() -> None:
    with website() as site:
        one = f"<urlset><url><loc>{site.url('/one')}</loc></url>"
        many = "".join(f"<url><loc>{site.url(f'/{n}')}</loc></url>" for n in range(60_000))
        for body, found in (
            (gzip.compress(one.encode()), ["/one"]),
            (gzip.compress(one.encode())[:-10], ["/one"]),
            (b"\x1f\x8bno gzip at all", []),
            (f"\ufeff{site.url('/one')}\r\n\r\n{site.url('/two')}\n", ["/one", "/two"]),
            (f"<urlset>{many}", ["/0", "/1", "/2"]),
        ):
            site.pages["/sitemap.xml"] = Reply(body)
            assert inside(SITEMAP, origin=site.address) == [site.url(path) for path in found]


def test_slow_sitemaps_do_not_use_up_the_first_pages_time() -> None:
    code = """
        from pitchbar_app.crawl import robots
        robots.PATIENCE = 1.0
        result = robots.pages(origin, robots.Rules(""), 3, guarded=False)
    """
    slow = Reply("<urlset>", trickle=True)
    with website({"/a.xml": slow, "/b.xml": slow}) as site:
        listed = "".join(f"<sitemap><loc>{site.url(path)}</loc></sitemap>" for path in ("/a.xml", "/b.xml"))
        site.pages["/sitemap.xml"] = Reply(f"<sitemapindex>{listed}</sitemapindex>")
        assert inside(code, origin=site.address) == []
        assert site.times("/b.xml") == []


CHARSETS = {
    "windows-1252, called latin-1": (b"<p>it\x92s", "text/html; charset=ISO-8859-1", "it\u2019s"),
    "windows-1252, and not said": (b"<p>caf\xe9 it\x92s", "text/html", "café it\u2019s"),
    "UTF-8, and not said": ("<p>café".encode(), "text/html", "café"),
    "UTF-16 with its mark": ("\ufeff<p>café".encode("utf-16-le"), "text/html", "café"),
    "a meta that cannot be true": (b"<meta charset=utf-16><p>hello", "text/html", "hello"),
    "a script's charset": (b"<script charset=latin1></script><meta charset=utf-8><p>\xc3\xa4", "text/html", "ä"),
    "XHTML": (b'<?xml version="1.0" encoding="latin1"?><html><p>\xe9', "application/xhtml+xml", "é"),
    "GBK, called GB 2312": ("<p>镕".encode("gbk"), "text/html; charset=gb2312", "镕"),
    "no charset of pages": (b"<p>C:\\new", "text/html; charset=unicode_escape", "C:\\new"),
}


def test_charsets_as_browsers_take_them() -> None:
    code = """
        from pitchbar_app.crawl.extract import extract
        read = lambda body, kind: extract(body.encode("latin-1"), kind, "http://a.example/").blocks[0].text
        result = {name: read(body, kind) for name, (body, kind) in given.items()}
    """
    given = {name: (body.decode("latin-1"), kind) for name, (body, kind, _) in CHARSETS.items()}
    assert inside(code, given=given) == {name: text for name, (_, _, text) in CHARSETS.items()}


def test_wishes_that_are_for_others_are_not_ours() -> None:
    code = """
        from pitchbar_app.crawl.extract import extract
        result = []
        for headers in given:
            found = extract(b"<p>a<a href=/b>b</a>", "text/html", "http://a.example/", headers)
            result.append([found.index, len(found.links)])
    """
    given = (["otherbot: noindex, nofollow"], ["nofollow", "Pitchbar: NOINDEX"], ["unavailable_after: 25 Jun 2030"])
    assert inside(code, given=given) == [[True, 1], [False, 0], [True, 1]]


def test_links_are_read_as_browsers_read_them() -> None:
    code = """
        from pitchbar_app.crawl.extract import extract
        result = extract(html.encode(), "text/html", "http://a.example/").links
    """
    html = '<base href="/v1/"><meta http-equiv=Refresh content="0; URL=\'en/\'"><map><area href=m></map>'
    html += '<a href="/a?b=c|d">1</a><a href="/e\n/f ">2</a><a href=/g rel=NoFollow>3</a>'
    paths = ["v1/en/", "v1/m", "a?b=c%7Cd", "e/f"]
    assert inside(code, html=html) == [f"http://a.example/{path}" for path in paths]
