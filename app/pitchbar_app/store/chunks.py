"""Chunks, which are the truth about what can be found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pitchbar_app.index.chunking import Chunk
from pitchbar_app.store import Connection


def replace(connection: Connection, document_id: int, chunks: Sequence[Chunk]) -> tuple[list[int], list[int]]:
    """Put the chunks in place of the document's earlier ones; the results are the ids that left and the new ids.

    Nothing is done, and both are empty, when the document is gone.
    """
    with connection.transaction():
        if connection.execute("SELECT 1 FROM documents WHERE id = %s FOR UPDATE", (document_id,)).fetchone() is None:
            return [], []
        old = connection.execute("DELETE FROM chunks WHERE document_id = %s RETURNING id", (document_id,)).fetchall()
        new = connection.execute(
            "INSERT INTO chunks (document_id, position, heading, anchor, body, content_hash) "
            "SELECT %s, number, heading, anchor, body, hash FROM "
            "unnest(%s::text[], %s::text[], %s::text[], %s::text[]) "
            "WITH ORDINALITY AS made (heading, anchor, body, hash, number) ORDER BY number RETURNING id",
            (
                document_id,
                [chunk.heading for chunk in chunks],
                [chunk.anchor for chunk in chunks],
                [chunk.body for chunk in chunks],
                [chunk.content_hash for chunk in chunks],
            ),
        ).fetchall()
        return [row[0] for row in old], [row[0] for row in new]


def all_hashes(connection: Connection) -> Iterator[tuple[int, int, str]]:
    """Every chunk of an indexed document: its id, its document and its hash."""
    with connection.transaction(), connection.cursor("chunks") as cursor:
        yield from cursor.execute(
            "SELECT c.id, c.document_id, c.content_hash FROM chunks c JOIN documents d ON d.id = c.document_id "
            "WHERE d.status <> 'queued' ORDER BY c.id"
        )
