"""Finds the chunks that answer a question: words by PostgreSQL's full-text index, spelling by vectors, together.

A word counts the more the rarer it is among all chunks (BM25's inverse document frequency, counted by the index), and
more in a heading. The similarity of the vectors adds what the words alone miss: other forms, misspellings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from urllib.parse import quote

from pitchbar_app.index.embedding import Embedder
from pitchbar_app.index.vectors import VectorStore
from pitchbar_app.store import Connection

MOST_WORDS = 24
CANDIDATES = 40
IN_FRAGMENTS = "/?:@!$&'()*+,;="
WORDS_WEIGHT, VECTOR_WEIGHT = 0.75, 0.25


@dataclass(frozen=True)
class Hit:
    """A chunk that was found; `score` is from 0 to about 1, `coverage` the part of the question's words it has."""

    chunk_id: int
    score: float
    coverage: float
    title: str
    heading: str
    url: str
    anchor: str
    body: str

    @property
    def link(self) -> str:
        """The page's address, down to the heading where that can be linked to."""
        return f"{self.url}#{quote(self.anchor, safe=IN_FRAGMENTS)}" if self.anchor else self.url


@dataclass(frozen=True)
class Found:
    """What a search found, the best first, and how much each of the question's words counts."""

    hits: tuple[Hit, ...]
    weights: Mapping[str, float]


def search(connection: Connection, store: VectorStore, embedder: Embedder, question: str, limit: int) -> Found:
    """The best chunks for a question."""
    weights = _weights(connection, question)
    words = _by_words(connection, weights)
    vectors = dict(store.search(embedder.embed([question])[0], CANDIDATES)) if question.strip() else {}
    total = sum(weights.values()) or 1.0
    scores = {
        chunk: WORDS_WEIGHT * words.get(chunk, (0.0, 0.0))[0] / total
        + VECTOR_WEIGHT * max(vectors.get(chunk, 0.0), 0.0)
        for chunk in words.keys() | vectors.keys()
    }
    best = sorted(scores, key=lambda chunk: (-scores[chunk], chunk))[:limit]
    coverage = {chunk: words.get(chunk, (0.0, 0.0))[1] / total for chunk in best}
    return Found(tuple(_hits(connection, best, scores, coverage)), weights)


def words_of(connection: Connection, texts: Sequence[str]) -> list[set[str]]:
    """The stems of each text's words, as the index has them."""
    rows = connection.execute(
        "SELECT tsvector_to_array(to_tsvector('english', text)) "
        "FROM unnest(%s::text[]) WITH ORDINALITY AS given (text, number) ORDER BY number",
        (list(texts),),
    )
    return [set(row[0]) for row in rows]


def _weights(connection: Connection, question: str) -> dict[str, float]:
    """The question's words, in the form that the index has them, with their weight."""
    rows = connection.execute(
        "WITH words AS (SELECT unnest(tsvector_to_array(to_tsvector('english', %s))) AS word LIMIT %s) "
        "SELECT word, (SELECT count(*) FROM chunks WHERE search @@ plainto_tsquery('simple', word)), "
        "(SELECT count(*) FROM chunks) FROM words",
        (question, MOST_WORDS),
    )
    return {word: log(1 + (total - count + 0.5) / (count + 0.5)) for word, count, total in rows}


def _by_words(connection: Connection, weights: Mapping[str, float]) -> dict[int, tuple[float, float]]:
    """Chunks that have some of the words: their score, and the weight of the words they have."""
    rows = connection.execute(
        "SELECT c.id, sum(w.weight * (0.6 + 0.4 * ts_rank('{0.1, 0.2, 0.5, 1.0}', c.search, w.query)) ) AS score, "
        "sum(w.weight) FROM (SELECT plainto_tsquery('simple', word) AS query, weight "
        "FROM unnest(%s::text[], %s::float8[]) AS given (word, weight)) AS w "
        "JOIN chunks c ON c.search @@ w.query GROUP BY c.id ORDER BY score DESC, c.id LIMIT %s",
        (list(weights), list(weights.values()), CANDIDATES),
    )
    return {chunk: (score, coverage) for chunk, score, coverage in rows}


def _hits(
    connection: Connection, ids: Sequence[int], scores: Mapping[int, float], coverage: Mapping[int, float]
) -> list[Hit]:
    rows = connection.execute(
        "SELECT c.id, d.title, c.heading, d.url, c.anchor, c.body "
        "FROM chunks c JOIN documents d ON d.id = c.document_id WHERE c.id = ANY(%s)",
        (list(ids),),
    )
    hits = [Hit(row[0], scores[row[0]], coverage[row[0]], *row[1:]) for row in rows]
    return sorted(hits, key=lambda hit: (-hit.score, hit.chunk_id))
