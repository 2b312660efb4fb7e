"""Pages of a source, and the documents that were read from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.types.json import Jsonb

from pitchbar_app.crawl.extract import Block, Extract
from pitchbar_app.store import Connection


@dataclass(frozen=True)
class Page:
    """A page and what its crawl needs to know of its source; `robots` is None until it was read."""

    id: int
    source_id: int
    url: str
    depth: int
    status: str
    host: str
    robots: str | None
    max_pages: int
    max_depth: int


@dataclass(frozen=True)
class Document:
    """What was read from a page."""

    id: int
    source_id: int
    title: str
    blocks: tuple[Block, ...]


def find(connection: Connection, page_id: int) -> Page | None:
    """The page of that id; None when it is gone with its source."""
    row = connection.execute(
        "SELECT p.id, p.source_id, p.url, p.depth, p.status, s.host, s.robots, s.max_pages, s.max_depth "
        "FROM pages p JOIN sources s ON s.id = p.source_id WHERE p.id = %s",
        (page_id,),
    ).fetchone()
    return None if row is None else Page(*row)


def site(connection: Connection, source_id: int, host: str, robots: str) -> None:
    """Note on which host the source really is, and what its robots.txt says."""
    connection.execute("UPDATE sources SET host = %s, robots = %s WHERE id = %s", (host, robots, source_id))


def end(connection: Connection, page_id: int, status: str, error: str | None) -> int | None:
    """Note how the page's crawl ended, or why it is put aside; the result is its source."""
    row = connection.execute(
        "UPDATE pages SET status = %s, error = %s, updated_at = now() WHERE id = %s RETURNING source_id",
        (status, error, page_id),
    ).fetchone()
    return None if row is None else int(row[0])


def keep(connection: Connection, page: Page, url: str, found: Extract) -> bool:
    """Keep what was read from the page; False where another page of the source says the same."""
    blocks = [[block.level, block.text, block.anchor] for block in found.blocks]
    row = connection.execute(
        "INSERT INTO documents (source_id, page_id, url, title, blocks, content_hash) VALUES (%s, %s, %s, %s, %s, %s) "
        "ON CONFLICT DO NOTHING RETURNING id",
        (page.source_id, page.id, url, found.title, Jsonb(blocks), found.content_hash),
    ).fetchone()
    return row is not None


def add(connection: Connection, page: Page, links: Sequence[str], depth: int) -> None:
    """Add pages to crawl, as far as the source's limit allows. The source stays locked until the transaction ends."""
    connection.execute("SELECT 1 FROM sources WHERE id = %s FOR UPDATE", (page.source_id,))
    row = connection.execute("SELECT count(*) FROM pages WHERE source_id = %s", (page.source_id,)).fetchone()
    room = page.max_pages - (row[0] if row else 0)
    if room > 0 and links:
        connection.execute(
            "INSERT INTO pages (source_id, url, depth) SELECT %(source)s, link, %(depth)s "
            "FROM unnest(%(links)s::text[]) WITH ORDINALITY AS found (link, number) "
            "WHERE NOT EXISTS (SELECT FROM pages WHERE source_id = %(source)s AND url = link) "
            "ORDER BY number LIMIT %(room)s ON CONFLICT DO NOTHING",
            {"source": page.source_id, "links": list(links), "depth": depth, "room": room},
        )


def document(connection: Connection, document_id: int) -> Document | None:
    """The document of that id; None when it is gone with its source."""
    row = connection.execute(
        "SELECT id, source_id, title, blocks FROM documents WHERE id = %s", (document_id,)
    ).fetchone()
    if row is None:
        return None
    return Document(row[0], row[1], row[2], tuple(Block(*block) for block in row[3]))


def document_ended(connection: Connection, document_id: int, status: str, error: str | None) -> int | None:
    """Note how the document's indexing ended; the result is its source."""
    row = connection.execute(
        "UPDATE documents SET status = %s, error = %s, updated_at = now() WHERE id = %s RETURNING source_id",
        (status, error, document_id),
    ).fetchone()
    return None if row is None else int(row[0])
