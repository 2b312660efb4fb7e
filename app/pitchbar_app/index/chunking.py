"""Divides a document into chunks: pieces of about 800 characters below one heading, overlapping a little."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pitchbar_app.crawl.extract import Block

SIZE = 800
OVERLAP = 150
SEPARATOR = " › "
_SENTENCE_END = re.compile(r"(?<=[.!?:;])\s+(?=[^a-z\s])")


@dataclass(frozen=True)
class Chunk:
    """A piece of a document; `heading` is the way to it, from the document's title down."""

    heading: str
    anchor: str
    body: str

    @property
    def text(self) -> str:
        """Everything that a search may find the chunk by."""
        return f"{self.heading}\n{self.body}"

    @property
    def content_hash(self) -> str:
        """The same for two chunks that say the same under the same heading."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def chunks(title: str, blocks: Sequence[Block]) -> list[Chunk]:
    """The document's chunks, in its order."""
    found: list[Chunk] = []
    path: list[tuple[int, str]] = []
    anchor, texts = "", list[str]()

    def flush() -> None:
        names = [title, *(text for _, text in path if text != title)]
        heading = SEPARATOR.join(dict.fromkeys(names))[:500]
        found.extend(Chunk(heading, anchor, body) for body in _pieces(texts))
        texts.clear()

    for block in blocks:
        if block.level:
            flush()
            path = [each for each in path if each[0] < block.level] + [(block.level, block.text)]
            anchor = block.anchor
        else:
            texts.append(block.text)
    flush()
    if not found and path:
        found.append(Chunk(title, "", " ".join(block.text for block in blocks)[:SIZE]))
    return found


def sentences(text: str) -> list[str]:
    """The sentences of a text, roughly."""
    return [part for line in text.split("\n") for part in _SENTENCE_END.split(line) if part]


def _pieces(texts: Sequence[str]) -> Iterator[str]:
    """Join sentences to pieces; each begins with the last sentences of the one before."""
    piece: list[str] = []
    length = fresh = 0
    for sentence, glue in _parts(texts):
        if fresh and length + len(sentence) > SIZE:
            yield "".join(piece).strip()
            piece = _tail(piece)
            length, fresh = sum(map(len, piece)), 0
        piece.append(sentence + glue)
        length += len(sentence) + 1
        fresh += 1
    if fresh:
        yield "".join(piece).strip()


def _parts(texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        found = [
            sentence[start : start + SIZE] for sentence in sentences(text) for start in range(0, len(sentence), SIZE)
        ]
        for number, sentence in enumerate(found, 1):
            yield sentence, "\n" if number == len(found) else " "


def _tail(piece: list[str]) -> list[str]:
    tail: list[str] = []
    for sentence in reversed(piece):
        if sum(map(len, tail)) + len(sentence) > OVERLAP:
            break
        tail.insert(0, sentence)
    return tail
