"""Measured seconds, their ratios, and whether the goals are met."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Measure:
    """Something that was timed, once in each run, in seconds; `goal` is the most that its median may be."""

    key: str
    title: str
    values: tuple[float, ...]
    goal: float | None = None
    count: int = 0
    """How many things of a kind the seconds are for; 0 where that means nothing."""

    @property
    def rate(self) -> float | None:
        """How many a second; None where that means nothing."""
        return self.count / self.median if self.count else None

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.values)

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        return None if self.goal is None else self.median <= self.goal

    def document(self) -> dict[str, Any]:
        """The measure for programs."""
        return {
            "key": self.key,
            "title": self.title,
            **spread(self.values),
            "values": [round(value, 3) for value in self.values],
            "goal": self.goal,
            "met": self.met,
            **({"count": self.count, "per_second": round(self.rate, 1)} if self.rate else {}),
        }


@dataclass(frozen=True)
class Ratio:
    """How many times as long `ours` takes as `base`, which was timed beside it in the same runs; each for one thing
    where they count things."""

    key: str
    title: str
    ours: Measure
    base: Measure
    goal: float | None

    @property
    def value(self) -> float:
        """The ratio of the medians."""
        return self.ours.median / self.base.median / self._counts

    @property
    def pairs(self) -> tuple[float, ...]:
        """The ratio in each run: what disturbed one of the two has often disturbed the other as well."""
        pairs = zip(self.ours.values, self.base.values, strict=True)
        return tuple(ours / base / self._counts for ours, base in pairs)

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        return None if self.goal is None else self.value <= self.goal

    @property
    def _counts(self) -> float:
        return (self.ours.count or 1) / (self.base.count or 1)

    def document(self) -> dict[str, Any]:
        """The ratio for programs."""
        return {
            "key": self.key,
            "title": self.title,
            "ours": self.ours.key,
            "base": self.base.key,
            "value": round(self.value, 3),
            "pairs": [round(pair, 3) for pair in self.pairs],
            **{f"pair_{name}": value for name, value in spread(self.pairs).items()},
            "goal": self.goal,
            "met": self.met,
        }


def spread(values: Sequence[float]) -> dict[str, float]:
    """The least, the middle and the greatest of some values."""
    return {
        "min": round(min(values), 3),
        "median": round(statistics.median(values), 3),
        "max": round(max(values), 3),
    }
