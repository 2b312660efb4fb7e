"""Answers a question with sentences of the indexed pages: nothing is made up, and every sentence has its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pitchbar_app.index.chunking import sentences
from pitchbar_app.index.embedding import Embedder
from pitchbar_app.index.search import Found, Hit, search, words_of
from pitchbar_app.index.vectors import VectorStore
from pitchbar_app.store import Connection

MOST_HITS = 6
MOST_SENTENCES = 4
MOST_LINKS = 3
LONGEST_SENTENCE = 600
COVERED = 0.4
CLOSE_TO_BEST = 0.7
NOTHING = "I found nothing about that on the pages I know."


@dataclass(frozen=True)
class Part:
    """One sentence of an answer and where it stands."""

    text: str
    title: str
    url: str
    link: str


@dataclass(frozen=True)
class Answer:
    """The sentences, or none where the pages say nothing about the question."""

    parts: tuple[Part, ...]
    sources: tuple[Part, ...]
    """The pages to read on, the best first; `text` is the heading."""

    @property
    def text(self) -> str:
        """The whole answer."""
        return " ".join(part.text for part in self.parts) or NOTHING


def answer(connection: Connection, store: VectorStore, embedder: Embedder, question: str) -> Answer:
    """The answer to a question, taken from the best chunks."""
    found = search(connection, store, embedder, question, MOST_HITS)
    hits = [hit for hit in found.hits if hit.coverage >= COVERED and hit.score >= CLOSE_TO_BEST * found.hits[0].score]
    if not hits:
        return Answer((), ())
    chosen = _choose(connection, found, hits)
    parts = tuple(Part(text, hit.title, hit.url, hit.link) for hit, text in chosen)
    pages = {hit.url: Part(hit.heading, hit.title, hit.url, hit.link) for hit in reversed(hits)}
    best_first = sorted(pages.values(), key=lambda page: [hit.url for hit in hits].index(page.url))
    return Answer(parts, tuple(best_first[:MOST_LINKS]))


def _choose(connection: Connection, found: Found, hits: Sequence[Hit]) -> list[tuple[Hit, str]]:
    """The sentences that have most of the question's words, in the order of their chunks; never the same one twice."""
    places = [(hit, text.strip()[:LONGEST_SENTENCE]) for hit in hits for text in sentences(hit.body)]
    places = list({text: (hit, text) for hit, text in reversed(places)}.values())[::-1]
    words = words_of(connection, [text for _, text in places])
    worth = [_worth(hit, own, found.weights, len(text)) for (hit, text), own in zip(places, words, strict=True)]
    ranked = sorted(range(len(places)), key=lambda place: (-worth[place], place))
    best = {place for place in ranked[:MOST_SENTENCES] if worth[place] >= worth[ranked[0]] / 2}
    return [places[place] for place in sorted(best)]


def _worth(hit: Hit, words: set[str], weights: Mapping[str, float], length: int) -> float:
    """A sentence below a fitting heading counts for more, and a scrap of three words for less."""
    matching = sum(weight for word, weight in weights.items() if word in words)
    total = sum(weights.values()) or 1.0
    return hit.score * (0.3 + matching / total) * min(1.0, 0.3 + length / 80)
