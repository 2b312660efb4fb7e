"""Where the time goes: a cold `up`, a no-op and a release, traced once more after the runs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.commands import STACK, Timed, app_environment, bare_environment, must, pitchbar, pulumi
from bench.tracing import Activity, EventLog, Wait, critical_path, helpers

if TYPE_CHECKING:
    from bench.measures import Bench

_SHOWN_SECONDS = 0.015
_BETWEEN = "between: engine and program talk, the state is written"


@dataclass(frozen=True)
class Story:
    """One traced command: what it did, and which of it the whole had to wait for."""

    key: str
    title: str
    start: float
    end: float
    activities: tuple[Activity, ...]

    @property
    def path(self) -> list[Wait]:
        """What the whole had to wait for; adds up to the whole."""
        return critical_path(list(self.activities), self.start, self.end)

    def document(self) -> dict[str, Any]:
        """The story for programs, in seconds since its start."""
        return {
            "title": self.title,
            "seconds": round(self.end - self.start, 3),
            "activities": [self._entry(one.name, one.start, one.seconds) for one in self.activities],
            "critical_path": [
                self._entry(wait.activity.name if wait.activity else _BETWEEN, wait.start, wait.seconds)
                for wait in self.path
            ],
        }

    def lines(self) -> list[str]:
        """The story for people: every activity that can be seen, and how much of it the whole waited for."""
        waited: dict[Activity | None, float] = {}
        for wait in self.path:
            waited[wait.activity] = waited.get(wait.activity, 0.0) + wait.seconds
        lines = [
            f"Where {self.title} spends its {self.end - self.start:.2f} s (traced, so a little slower)",
            f"{'':44}{'at':>8}{'takes':>8}{'waited':>8}",
        ]
        for activity in sorted(self.activities, key=lambda one: one.start):
            on_path = waited.get(activity, 0.0)
            if max(activity.seconds, on_path) >= _SHOWN_SECONDS:
                numbers = (activity.start - self.start, activity.seconds, on_path)
                lines.append(f"{activity.name:44}" + "".join(f"{number:8.2f}" for number in numbers))
        return [*lines, f"{_BETWEEN:60}{waited.get(None, 0.0):8.2f}"]

    def _entry(self, name: str, start: float, seconds: float) -> dict[str, Any]:
        return {"name": name, "start": round(start - self.start, 3), "seconds": round(seconds, 3)}


def tell(bench: Bench) -> list[Story]:
    """Trace a cold `up`, a no-op and a release, and take the environment down again."""
    stories = [
        _up(bench, "cold", "a cold `pitchbar up`", bench.first),
        _noop(bench),
        _up(bench, "release", "a release by `pitchbar up`", bench.second),
    ]
    must(pitchbar("down", "--yes"))
    return stories


def _up(bench: Bench, key: str, title: str, app: Path) -> Story:
    traces, events = _files(bench, key)
    command = [sys.executable, "-m", "bench.steps", STACK, str(traces), str(events)]
    start, timed, log = _traced(command, app_environment(app), events)
    steps = [Activity(*step) for step in json.loads(timed.output.splitlines()[-1])]
    end = steps[-1].end
    begun = Activity("pitchbar: start", start, steps[0].start)
    engine = next(step for step in steps if step.name == "engine")
    others = (step for step in steps if step is not engine)
    activities = (begun, *others, *helpers(traces, engine.start), *log.activities)
    return Story(key, title, start, end, activities)


def _noop(bench: Bench) -> Story:
    traces, events = _files(bench, "noop")
    command = pulumi("up", "--yes", "--skip-preview", "--otel-traces", f"file://{traces}", "--event-log", str(events))
    environment = {**bare_environment(bench.first), "PULUMI_DEBUG_COMMANDS": "true"}
    start, timed, log = _traced(command, environment, events)
    activities = (*helpers(traces, start), *log.activities)
    return Story("noop", "a no-op `pulumi up`", start, start + timed.seconds, activities)


def _traced(command: list[str], env: Mapping[str, str], events: Path) -> tuple[float, Timed, EventLog]:
    with EventLog(events) as log:
        start = time.time()
        timed = must(command, env=env)
    return start, timed, log


def _files(bench: Bench, key: str) -> tuple[Path, Path]:
    return bench.place.root / f"{key}.traces.json", bench.place.root / f"{key}.events.json"
