"""The table for people and the document for programs."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from typing import Any

from bench.figures import Measure, Ratio, spread
from bench.stages import Story

_BUSY = 0.7
"""Load per core above which seconds say more about the machine's other work than about this."""


def document(
    runs: int, load: float, measures: Mapping[str, Measure], ratios: Sequence[Ratio], stories: Sequence[Story]
) -> dict[str, Any]:
    """Everything that was measured."""
    return {
        "runs": runs,
        "machine": {
            "cores": len(os.sched_getaffinity(0)),
            "load_before": round(load, 2),
            "python": platform.python_version(),
            "system": platform.platform(terse=True),
        },
        "ratios": [ratio.document() for ratio in ratios],
        "measures": [measure.document() for measure in measures.values()],
        "where": {story.key: story.document() for story in stories},
    }


def table(
    runs: int, load: float, measures: Mapping[str, Measure], ratios: Sequence[Ratio], stories: Sequence[Story]
) -> str:
    """The same as text."""
    cores = len(os.sched_getaffinity(0))
    lines = [f"{runs} runs on {cores} cores, in turns; seconds, and the ratio of the medians", ""]
    if load / cores > _BUSY:
        lines[1:1] = [f"The machine was busy (load {load:.1f}): trust the ratios rather than the seconds."]
    lines.append(f"{'':44}{'min':>8}{'median':>8}{'max':>8}{'goal':>9}")
    for measure in measures.values():
        goal = f"≤ {measure.goal:g}" if measure.goal else ""
        rate = f"{measure.rate:,.0f} a second" if measure.rate else ""
        line = f"{measure.title:44}{_spread(measure.values)}{goal:>9}  {_verdict(measure.met)}{rate}"
        lines.append(line.rstrip())
    lines += ["", f"{'':44}{'ratio':>8}{'goal':>9}"]
    for ratio in ratios:
        pairs = spread(ratio.pairs)
        span = f"  (run by run {pairs['min']:.2f} to {pairs['max']:.2f})"
        goal = f"≤ {ratio.goal:g}" if ratio.goal else ""
        lines.append(f"{ratio.title:44}{ratio.value:8.2f}{goal:>9}  {_verdict(ratio.met)}{span}")
    for story in stories:
        lines += ["", *story.lines()]
    return "\n".join(lines)


def _spread(values: Sequence[float]) -> str:
    found = spread(values)
    return "".join(f"{found[name]:8.{2 if found['max'] >= 0.1 else 3}f}" for name in ("min", "median", "max"))


def _verdict(met: bool | None) -> str:
    return "" if met is None else "met" if met else "MISSED"
