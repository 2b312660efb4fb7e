"""The readable text of a page, block by block, and the links on it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pitchbar_app.crawl import charset, urls
from pitchbar_app.crawl.options import AGENT
from pitchbar_app.crawl.outcome import Permanent

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

NOISE = (
    "script, style, noscript, template, svg, iframe, form, nav, footer, aside, button, dialog, "
    "[role=navigation], [role=search], [hidden], [aria-hidden=true], .headerlink, .sr-only"
)
MAIN = "main, [role=main], article"
HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
CONTAINERS = HEADINGS | {
    *("address", "article", "aside", "blockquote", "body", "center", "dd", "details", "div", "dl", "dt", "fieldset"),
    *("figcaption", "figure", "footer", "header", "hr", "li", "main", "ol", "p", "pre", "section", "summary", "table"),
    *("tbody", "td", "tfoot", "th", "thead", "tr", "ul"),
}
MOST_LINKS = 2000
MOST_LINKED = 0.8
"""The part of a text that may be links before it counts as a list of links."""
LONGEST_TEXT = 400_000
DEEPEST, DEEPEST_TREE = 200, 5000
_TAG = re.compile(
    r"<(/?)(?!(?:p|li|dt|dd|tr|td|th|thead|tbody|tfoot|option|br|hr|img|input|meta|link|wbr|area|base|col|source)\b)[a-z]",
    re.IGNORECASE,
)
"""A tag of an element that does not end by itself."""
_REFRESH = re.compile(r"\s*[\d.]+\s*[;,]\s*url\s*=\s*[\"']?(.+?)[\"']?\s*", re.IGNORECASE | re.DOTALL)
_FOR_ONE = re.compile(r"\s*(?!unavailable_after|max-)([\w-]+)\s*:(.*)", re.IGNORECASE | re.DOTALL)
"""An X-Robots-Tag for the crawler of that name."""


@dataclass(frozen=True)
class Block:
    """A heading (level 1 to 6) or a piece of text (level 0); `anchor` is where a heading can be linked to."""

    level: int
    text: str
    anchor: str = ""


@dataclass(frozen=True)
class Extract:
    """What is of use on a page."""

    title: str
    blocks: tuple[Block, ...]
    links: tuple[str, ...]
    index: bool
    """False where the page asks not to be found."""

    @property
    def content_hash(self) -> str:
        """The same for two pages that say the same."""
        text = json.dumps([self.title, [(block.level, block.text) for block in self.blocks]])
        return hashlib.sha256(text.encode()).hexdigest()


def extract(body: bytes, content_type: str, url: str, robots_headers: Sequence[str] = ()) -> Extract:
    """Read a page's HTML."""
    from selectolax.lexbor import LexborHTMLParser

    text = charset.decode(body, content_type)
    if _too_deep(text):
        raise Permanent("The page's elements are nested too deeply to be read.")
    tree = LexborHTMLParser(text)
    wishes = _wishes(tree.css("meta[name]"), robots_headers)
    links = () if "nofollow" in wishes or "none" in wishes else _links(tree, url)
    title = _clean(node.text() if (node := tree.css_first("title")) else "")
    for noise in tree.css(NOISE):
        noise.decompose()
    root = tree.css_first(MAIN) or tree.body
    blocks = tuple(_blocks(root)) if root else ()
    title = title or next((block.text for block in blocks if block.level), url)
    return Extract(title[:300], blocks, links, not {"noindex", "none"} & wishes)


def _too_deep(text: str) -> bool:
    """Whether tens of thousands of elements lie in one another, which no page needs and parsers take minutes for."""
    if text.count("<") < DEEPEST_TREE:
        return False
    depth = 0
    for match in _TAG.finditer(text):
        depth += -1 if match[1] else 1
        if depth > DEEPEST_TREE:
            return True
    return False


def _blocks(root: LexborNode) -> list[Block]:
    """The text below a node, without lists of links to elsewhere, unless there is nothing but such."""
    pieces = _Pieces()
    pieces.walk(root, 0)
    pieces.flush()
    texts = [block for block, linked in pieces.found if block.level or linked < MOST_LINKED]
    if not any(not block.level for block in texts):
        texts = [block for block, _ in pieces.found]
    return texts


class _Pieces:
    """Divides text where a browser would begin a new line; each piece comes with the part of it that is links."""

    def __init__(self) -> None:
        self.found: list[tuple[Block, float]] = []
        self._words: list[str] = []
        self._linked = self._length = 0
        self._heading = 0, ""
        self._in_link = False

    def walk(self, node: LexborNode, depth: int) -> None:
        """Take the text of a node and all below it."""
        tag = node.tag
        if tag == "-text" or depth > DEEPEST:
            self._take(node.text(deep=depth > DEEPEST) or "")
        elif tag == "br":
            self._take(" ")
        elif tag in CONTAINERS:
            self.flush()
            outer = self._heading
            if tag in HEADINGS:
                self._heading = int(str(tag)[1]), _anchor(node)
            self._walk_children(node, depth)
            self.flush()
            self._heading = outer
        else:
            outside, self._in_link = self._in_link, self._in_link or tag == "a"
            self._walk_children(node, depth)
            self._in_link = outside

    def flush(self) -> None:
        """End a piece."""
        text = _clean("".join(self._words))
        if text and self._length < LONGEST_TEXT:
            self.found.append((Block(self._heading[0], text, self._heading[1]), self._linked / len(text)))
            self._length += len(text)
        self._words.clear()
        self._linked = 0

    def _walk_children(self, node: LexborNode, depth: int) -> None:
        for child in node.iter(include_text=True):
            self.walk(child, depth + 1)

    def _take(self, text: str) -> None:
        self._words.append(text)
        if self._in_link:
            self._linked += len(text)


def _anchor(heading: LexborNode) -> str:
    parent = heading.parent
    own = heading.attributes.get("id")
    around = parent.attributes.get("id") if parent is not None and parent.tag in ("section", "div") else None
    return (own or around or "")[:200]


def _links(tree: LexborHTMLParser, url: str) -> tuple[str, ...]:
    """Where the page leads: at once, as some start pages do, or by its links."""
    base = tree.css_first("base[href]")
    start = _address(base.attributes.get("href") or "", url) or url if base else url
    metas = [meta.attributes for meta in tree.css("meta[http-equiv][content]")]
    refreshes = [each["content"] or "" for each in metas if (each["http-equiv"] or "").lower() == "refresh"]
    followed = [
        anchor.attributes.get("href") or ""
        for anchor in tree.css("a[href], area[href]")[:MOST_LINKS]
        if "nofollow" not in (anchor.attributes.get("rel") or "").lower().split()
    ]
    named = [match[1] for refresh in refreshes if (match := _REFRESH.fullmatch(refresh))]
    found = (_address(href, start) for href in (*named, *followed))
    return tuple(dict.fromkeys(each for each in found if each))


def _address(href: str, start: str) -> str | None:
    """Where an attribute leads; browsers, too, take out its line breaks and quote its spaces."""
    try:
        return urls.normalise(re.sub(r"[\t\r\n]", "", href).strip().replace(" ", "%20"), start)
    except urls.Malformed:
        return None


def _wishes(metas: list[LexborNode], robots_headers: Sequence[str]) -> set[str]:
    texts = [told for header in robots_headers if (told := _told(header))]
    for meta in metas:
        if (meta.attributes.get("name") or "").lower() in ("robots", AGENT.lower()):
            texts.append(meta.attributes.get("content") or "")
    return {word.strip().lower() for word in ",".join(texts).split(",")}


def _told(header: str) -> str:
    """What an X-Robots-Tag tells us; nothing where it is for another crawler."""
    match = _FOR_ONE.fullmatch(header)
    if match is None:
        return header
    return match[2] if match[1].lower() == AGENT.lower() else ""


def _clean(text: str) -> str:
    return " ".join(text.replace("\x00", "").split())
