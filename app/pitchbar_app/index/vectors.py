"""Where vectors are kept: a small protocol, and pgvector behind it.

The chunks' table is the truth. A vector says by its fingerprint from which text it was made and by which embedder, so
that a vector that is missing, too many or out of date can be found (`audit-vectors`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from pitchbar_app.store import Connection


@dataclass(frozen=True)
class Vector:
    """The vector of one chunk."""

    chunk_id: int
    fingerprint: str
    embedding: Sequence[float]


class VectorStore(Protocol):
    """What Pitchbar needs of a vector store."""

    def put(self, vectors: Iterable[Vector]) -> None:
        """Keep the vectors, in place of earlier ones of the same chunks."""
        ...

    def delete(self, chunk_ids: Iterable[int]) -> None:
        """Forget the vectors of these chunks, as far as there are any."""
        ...

    def search(self, embedding: Sequence[float], limit: int) -> list[tuple[int, float]]:
        """The chunks nearest to a vector with their cosine similarity, the nearest first."""
        ...

    def ids(self) -> Iterator[tuple[int, str]]:
        """Every chunk that has a vector here, with the vector's fingerprint."""
        ...


def fingerprint(embedder: str, content_hash: str) -> str:
    """Which text, by which embedder."""
    return f"{embedder}:{content_hash}"


class PgVectors:
    """The vectors in PostgreSQL, by its extension pgvector."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, vectors: Iterable[Vector]) -> None:
        """Keep the vectors, in place of earlier ones of the same chunks."""
        rows = [(each.chunk_id, each.fingerprint, _literal(each.embedding)) for each in vectors]
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO vectors VALUES (%s, %s, %s::vector) ON CONFLICT (chunk_id) "
                "DO UPDATE SET fingerprint = excluded.fingerprint, embedding = excluded.embedding",
                rows,
            )

    def delete(self, chunk_ids: Iterable[int]) -> None:
        """Forget the vectors of these chunks, as far as there are any."""
        self._connection.execute("DELETE FROM vectors WHERE chunk_id = ANY(%s)", (list(chunk_ids),))

    def search(self, embedding: Sequence[float], limit: int) -> list[tuple[int, float]]:
        """The chunks nearest to a vector with their cosine similarity, the nearest first."""
        rows = self._connection.execute(
            "SELECT chunk_id, 1 - (embedding <=> %(to)s::vector) FROM vectors "
            "ORDER BY embedding <=> %(to)s::vector LIMIT %(limit)s",
            {"to": _literal(embedding), "limit": limit},
        )
        return [(chunk_id, float(similarity)) for chunk_id, similarity in rows if similarity == similarity]

    def ids(self) -> Iterator[tuple[int, str]]:
        """Every chunk that has a vector here, with the vector's fingerprint."""
        with self._connection.transaction(), self._connection.cursor("vectors") as cursor:
            yield from cursor.execute("SELECT chunk_id, fingerprint FROM vectors ORDER BY chunk_id")


def _literal(embedding: Sequence[float]) -> str:
    return "[" + ",".join(f"{value:.6g}" for value in embedding) + "]"
