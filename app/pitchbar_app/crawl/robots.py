"""What a site allows: its robots.txt and its sitemap."""

from __future__ import annotations

import html
import re
import time
import zlib
from typing import TYPE_CHECKING

from pitchbar_app.crawl import urls
from pitchbar_app.crawl.fetch import LARGEST, Response, fetch
from pitchbar_app.crawl.options import AGENT
from pitchbar_app.crawl.outcome import CrawlFailure, LeftSite, Permanent, RateLimited

if TYPE_CHECKING:
    from protego import Protego

LARGEST_ROBOTS = 512 * 1024
MOST_SITEMAPS = 5
PATIENCE = 20.0
"""Seconds for all of a site's sitemaps, which are read in the job of its first page."""
LONGEST_DELAY = 10.0
_LOCATION = re.compile(rb"<(?:\w+:)?loc>\s*(?:<!\[CDATA\[)?\s*([^<\]]{1,2000}?)\s*(?:\]\]>)?\s*</")


def read(origin: str, *, guarded: bool) -> str:
    """The text of the site's robots.txt (RFC 9309), empty where it has none: whatever it answers between 400 and 499.

    Of a long one the first 512 kB count. A site in trouble, or one that asks to slow down, is asked again later.
    """
    try:
        response = fetch(f"{origin}/robots.txt", guarded=guarded, limit=LARGEST_ROBOTS, cut=True)
    except (Permanent, LeftSite):
        return ""
    except CrawlFailure as failure:
        if isinstance(failure, RateLimited) or not 400 <= failure.status < 500:
            raise
        return ""
    return response.body.decode("utf-8-sig", "replace").replace("\x00", "")


class Rules:
    """A robots.txt that was read."""

    def __init__(self, text: str) -> None:
        from protego import Protego

        self._rules: Protego = Protego.parse(text)

    def allow(self, url: str) -> bool:
        """Whether the page may be read."""
        return bool(self._rules.can_fetch(url, AGENT))

    @property
    def delay(self) -> float:
        """The seconds to leave between two pages; never more than ten."""
        return min(float(self._rules.crawl_delay(AGENT) or 0), LONGEST_DELAY)

    @property
    def sitemaps(self) -> list[str]:
        """The sitemaps that it names."""
        return list(self._rules.sitemaps)


def pages(origin: str, rules: Rules, most: int, *, guarded: bool) -> list[str]:
    """The addresses in the site's sitemaps, at most so many; a sitemap that cannot be read in time is left out."""
    until = time.monotonic() + PATIENCE
    waiting, seen, found = rules.sitemaps or [f"{origin}/sitemap.xml"], set[str](), list[str]()
    while waiting and len(seen) < MOST_SITEMAPS and len(found) < most and (left := until - time.monotonic()) > 0:
        url = _on_site(waiting.pop(0), origin)
        if url is None or url in seen:
            continue
        seen.add(url)
        try:
            body = _unpacked(fetch(url, guarded=guarded, stay_on=urls.host_of(url), cut=True, patience=left))
        except (CrawlFailure, zlib.error):
            continue
        listed = _listed(body)
        if b"<sitemapindex" in body[:2000]:
            waiting += listed
        else:
            found += [page for each in listed[: most * 2] if (page := _on_site(each, origin))]
    return found[:most]


def _unpacked(response: Response) -> bytes:
    """A sitemap as it was before it was packed (`sitemap.xml.gz`), as far as one is read."""
    body = response.body
    return zlib.decompressobj(wbits=31).decompress(body, LARGEST) if body.startswith(b"\x1f\x8b") else body


def _listed(sitemap: bytes) -> list[str]:
    """The addresses in a sitemap: XML, or text with one in each line."""
    if b"<" in sitemap:
        return [html.unescape(match.decode("utf-8", "replace")) for match in _LOCATION.findall(sitemap)]
    return [line.strip() for line in sitemap.decode("utf-8-sig", "replace").splitlines() if line.strip()]


def _on_site(text: str, origin: str) -> str | None:
    try:
        url = urls.normalise(text, origin + "/")
    except urls.Malformed:
        return None
    return url if urls.host_of(url) == urls.host_of(origin) else None
