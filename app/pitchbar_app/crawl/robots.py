"""What a site allows: its robots.txt and its sitemap."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from pitchbar_app.crawl import urls
from pitchbar_app.crawl.fetch import fetch
from pitchbar_app.crawl.options import AGENT
from pitchbar_app.crawl.outcome import CrawlFailure, LeftSite, Permanent

if TYPE_CHECKING:
    from protego import Protego

LARGEST_ROBOTS = 512 * 1024
MOST_SITEMAPS = 5
LONGEST_DELAY = 10.0
_LOCATION = re.compile(rb"<(?:\w+:)?loc>\s*(?:<!\[CDATA\[)?\s*([^<\]]{1,2000}?)\s*(?:\]\]>)?\s*</")


def read(origin: str, *, guarded: bool) -> str:
    """The text of the site's robots.txt, empty where it has none; a site in trouble is asked again later."""
    try:
        response = fetch(f"{origin}/robots.txt", guarded=guarded, limit=LARGEST_ROBOTS)
    except (Permanent, LeftSite):
        return ""
    return response.body.decode("utf-8", "replace").replace("\x00", "")


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
    """The addresses in the site's sitemaps, at most so many; a sitemap that cannot be read is left out."""
    waiting, seen, found = rules.sitemaps or [f"{origin}/sitemap.xml"], set[str](), list[str]()
    while waiting and len(seen) < MOST_SITEMAPS and len(found) < most:
        url = _on_site(waiting.pop(0), origin)
        if url is None or url in seen:
            continue
        seen.add(url)
        try:
            body = fetch(url, guarded=guarded, stay_on=urls.host_of(url)).body
        except CrawlFailure:
            continue
        listed = [html.unescape(match.decode("utf-8", "replace")) for match in _LOCATION.findall(body)]
        if b"<sitemapindex" in body[:2000]:
            waiting += listed
        else:
            found += [page for each in listed[: most * 2] if (page := _on_site(each, origin))]
    return found[:most]


def _on_site(text: str, origin: str) -> str | None:
    try:
        url = urls.normalise(text, origin + "/")
    except urls.Malformed:
        return None
    return url if urls.host_of(url) == urls.host_of(origin) else None
