"""Sources: sites that a customer added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pitchbar_app.crawl.urls import host_of
from pitchbar_app.index.vectors import VectorStore
from pitchbar_app.store import Connection

MOST_LISTED = 200
MOST_PROBLEMS = 20
LARGEST_ID = 2**63 - 1
_LOCKS = 7_240_116
"""Marks the advisory locks of this module."""
_STANDING = """
    SELECT EXISTS (SELECT FROM pages WHERE source_id = %(id)s AND status = 'queued')
        OR EXISTS (SELECT FROM documents WHERE source_id = %(id)s AND status = 'queued'),
        EXISTS (SELECT FROM documents WHERE source_id = %(id)s AND status = 'indexed'),
        coalesce(
            (SELECT error FROM documents WHERE source_id = %(id)s AND error IS NOT NULL ORDER BY id LIMIT 1),
            (SELECT error FROM pages WHERE source_id = %(id)s AND error IS NOT NULL ORDER BY id LIMIT 1)
        )
"""
_COLUMNS = "id, url, status, error, created_at, updated_at"


@dataclass(frozen=True)
class Source:
    """One source; `error` is a sentence for the customer."""

    id: int
    url: str
    status: str
    error: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class Progress:
    """How far a source is: pages by status, documents and chunks that can be found, and what went wrong."""

    pages: Mapping[str, int]
    documents: int
    chunks: int
    problems: tuple[tuple[str, str], ...]


def create(connection: Connection, url: str, max_pages: int, max_depth: int) -> Source | None:
    """Add a source with its first page; None where this address is a source already."""
    with connection.transaction():
        row = connection.execute(
            f"INSERT INTO sources (url, host, max_pages, max_depth) VALUES (%s, %s, %s, %s) "
            f"ON CONFLICT (url) DO NOTHING RETURNING {_COLUMNS}",
            (url, host_of(url), max_pages, max_depth),
        ).fetchone()
        if row is None:
            return None
        connection.execute("INSERT INTO pages (source_id, url, depth) VALUES (%s, %s, 0)", (row[0], url))
        return Source(*row)


def find(connection: Connection, source_id: int) -> Source | None:
    """The source of that id."""
    if not 0 < source_id <= LARGEST_ID:
        return None
    row = connection.execute(f"SELECT {_COLUMNS} FROM sources WHERE id = %s", (source_id,)).fetchone()
    return None if row is None else Source(*row)


def newest(connection: Connection, limit: int = MOST_LISTED) -> list[Source]:
    """The sources, the newest first."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM sources ORDER BY id DESC LIMIT %s", (limit,))
    return [Source(*row) for row in rows]


def progress(connection: Connection, source_id: int) -> Progress:
    """How far a source is."""
    counts = {"queued": 0, "done": 0, "failed": 0, "skipped": 0}
    counts |= dict(
        connection.execute(
            "SELECT status, count(*) FROM pages WHERE source_id = %s GROUP BY 1", (source_id,)
        ).fetchall()
    )
    row = connection.execute(
        "SELECT count(DISTINCT d.id), count(c.id) FROM documents d JOIN chunks c ON c.document_id = d.id "
        "WHERE d.source_id = %s AND d.status = 'indexed'",
        (source_id,),
    ).fetchone()
    problems = connection.execute(
        "SELECT url, error FROM ("
        " SELECT id, url, error FROM pages WHERE source_id = %(id)s AND error IS NOT NULL UNION ALL"
        " SELECT page_id, url, error FROM documents WHERE source_id = %(id)s AND error IS NOT NULL"
        ") AS found ORDER BY id LIMIT %(most)s",
        {"id": source_id, "most": MOST_PROBLEMS},
    ).fetchall()
    documents, chunks = row or (0, 0)
    return Progress(counts, documents, chunks, tuple((url, error) for url, error in problems))


def delete(connection: Connection, store: VectorStore, source_id: int) -> bool:
    """Remove a source with everything that came from it; False where there is none."""
    if not 0 < source_id <= LARGEST_ID:
        return False
    chunks = connection.execute(
        "SELECT c.id FROM chunks c JOIN documents d ON d.id = c.document_id WHERE d.source_id = %s", (source_id,)
    )
    store.delete([row[0] for row in chunks])
    return connection.execute("DELETE FROM sources WHERE id = %s", (source_id,)).rowcount == 1


def settle(connection: Connection, source_id: int) -> None:
    """Say how the source stands now that one of its jobs has ended.

    It is ready once nothing is left to do and at least one page can be found. One dead page among others is noted on
    the page only; the source has failed where not a single page could be read, with the reason of its first page.
    """
    with connection.transaction():
        # Not the row's own lock: that would be written to disk each time, also where nothing changes.
        connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", (_LOCKS, source_id % 2**31))
        row = connection.execute(_STANDING, {"id": source_id}).fetchone()
        pending, indexed, error = row or (False, False, None)
        status = "crawling" if pending else "ready" if indexed else "failed"
        connection.execute(
            "UPDATE sources SET status = %(status)s, error = %(error)s, updated_at = now() "
            "WHERE id = %(id)s AND (status, error) IS DISTINCT FROM (%(status)s, %(error)s)",
            {"id": source_id, "status": status, "error": error if status == "failed" else None},
        )
