"""Embeddings without a model: the same text gives the same vector on every machine, and nothing is downloaded.

`HashingEmbedder` counts words, pairs of words and pieces of words, and adds each to a few of 384 places that a hash
chooses ("feature hashing"), with 1 + ln(count) for a feature seen several times, normalised to length 1. It knows
spelling, not meaning: "automobile" is not near "car". A model takes its place by implementing `Embedder`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from math import log, sqrt
from typing import Protocol
from zlib import crc32

DIMENSIONS = 384
_WORD = re.compile(r"\w+")
_PIECES = (3, 4)
_WORD_WEIGHT, _PAIR_WEIGHT, _PIECES_WEIGHT = 0.6, 0.4, 0.8
_MIXER = 2_654_435_761
_COMMON = frozenset(
    """
    a about all also an and any are as at be been but by can could did do does for from had has have how i if in into is
    it its just may me my no not of on one or our should so some such than that the their them then there these they
    this to up us use used uses using was we were what when where which while who why will with would you your
    """.split()  # noqa: SIM905 — as a list it would be one line for each word
)


class Embedder(Protocol):
    """Turns text into vectors of 384 numbers. `name` changes whenever the same text would give another vector."""

    @property
    def name(self) -> str:
        """What made a vector."""
        ...

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector for each text."""
        ...


class HashingEmbedder:
    """The embedder that is built in."""

    name = "hashing-1"

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector of length 1 for each text; all zeros for a text without words."""
        return [_embed(text) for text in texts]


def _embed(text: str) -> list[float]:
    words = [word for word in _WORD.findall(text.lower()) if word not in _COMMON]
    vector = [0.0] * DIMENSIONS
    for word, count in Counter(words).items():
        _add(vector, _features(word), 1 + log(count))
    for pair, count in Counter(pairwise(words)).items():
        place, sign = _place(" ".join(pair))
        vector[place] += sign * _PAIR_WEIGHT * (1 + log(count))
    length = sqrt(sum(value * value for value in vector))
    return [value / length for value in vector] if length else vector


def _add(vector: list[float], features: tuple[tuple[int, float], ...], weight: float) -> None:
    for place, value in features:
        vector[place] += value * weight


@lru_cache(maxsize=50_000)
def _features(word: str) -> tuple[tuple[int, float], ...]:
    """The places of a word and of its pieces; together the pieces weigh the same for a long word as for a short."""
    place, sign = _place(word)
    features = [(place, sign * _WORD_WEIGHT)]
    edged = f"<{word[:40]}>"
    pieces = [edged[start : start + size] for size in _PIECES for start in range(len(edged) - size + 1)]
    for piece in pieces:
        place, sign = _place(piece)
        features.append((place, sign * _PIECES_WEIGHT / sqrt(len(pieces))))
    return tuple(features)


def _place(feature: str) -> tuple[int, float]:
    digest = crc32(feature.encode()) * _MIXER & 0xFFFFFFFF
    return (digest >> 8) % DIMENSIONS, 1.0 if digest >> 31 else -1.0
