"""What one traced command did when: the engine's own traces for its helpers, its event log for the resources.

The event log knows only whole seconds, so its lines are timed as they appear.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.ops.events import urn_parts

_LOOK_SECONDS = 0.003
_TOLERANCE = 0.01
"""How much two things may overlap of which the second waited for the first: that much the clocks are apart."""


@dataclass(frozen=True)
class Activity:
    """Something that took time; seconds since 1970."""

    name: str
    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.start


@dataclass(frozen=True)
class Wait:
    """A part of the critical path: an activity, or the time between two, when the engine and the program talk."""

    activity: Activity | None
    start: float
    seconds: float


class EventLog:
    """Reads an event log while the engine writes it."""

    def __init__(self, file: Path) -> None:
        """Follow the file from its first line on."""
        self._file = file
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._begun: dict[tuple[str, str], float] = {}
        self.activities: list[Activity] = []

    def __enter__(self) -> EventLog:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Read what is left, and stop."""
        self._stop.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._file.exists() and not self._stop.wait(_LOOK_SECONDS):
            pass
        if not self._file.exists():
            return
        with self._file.open(encoding="utf-8") as lines:
            rest, last = "", False
            while not last:
                last = self._stop.is_set()
                part = lines.read()
                now = time.time()
                *whole, rest = (rest + part).split("\n")
                for line in whole:
                    self._take(json.loads(line), now)
                if not part:
                    self._stop.wait(_LOOK_SECONDS)

    def _take(self, event: Mapping[str, Any], now: float) -> None:
        begun, ended = event.get("resourcePreEvent"), event.get("resOutputsEvent") or event.get("resOpFailedEvent")
        metadata = (begun or ended or {}).get("metadata")
        if not metadata or not _is_custom(metadata):
            return  # A component or the stack lasts as long as its children, and nothing waits for it.
        key = (metadata["op"], metadata["urn"])
        if begun:
            self._begun[key] = now
        elif key in self._begun:
            name = f"{urn_parts(metadata['urn'])[0]}: {metadata['op']}"
            self.activities.append(Activity(name, self._begun.pop(key), now))


def helpers(traces: Path, started: float) -> list[Activity]:
    """From the traces of an engine started then: its own work, hosts, plugins, the program's beginning."""
    spans = sorted(_spans(traces), key=lambda span: span.start)
    hosts = [span for span in spans if span.name == "newPlugin language"]
    plugins = [span for span in spans if span.name == "newPlugin resource"]
    runs = [span for span in spans if span.name == "pulumirpc.LanguageRuntime/Run"]
    plans = [span for span in spans if span.name == "pulumi-plan"]
    found = [Activity("engine: start", started, hosts[0].start)] if hosts else []
    if len(hosts) > 1 and plans and plans[0].start - hosts[0].end > _TOLERANCE:
        # The key of the secrets is derived from the passphrase meanwhile, and that has taken longer than the host.
        found.append(Activity("engine: open the stack and its secrets", hosts[0].start, plans[0].start))
    titles = ("language host: asked for its version", "language host: start")
    found += [Activity(title, host.start, host.end) for title, host in zip(titles[-len(hosts) :], hosts, strict=False)]
    found += [Activity("plugin: start", plugin.start, plugin.end) for plugin in plugins]
    for run in runs:
        firsts = [s.start for s in spans if s.name.endswith("/RegisterResource") and s.start >= run.start]
        if firsts:
            found.append(Activity("program: imports and its first resource", run.start, min(firsts)))
    return found


def critical_path(activities: list[Activity], start: float, end: float) -> list[Wait]:
    """What everything had to wait for, from the end backwards; it fills the whole time, gaps included.

    Before each activity comes the one that ended last before it began, because that is what it waited for.
    """
    path: list[Wait] = []
    cursor = end
    while cursor > start:
        before = [a for a in activities if a.end <= cursor + _TOLERANCE and a.start < cursor - _TOLERANCE]
        last = max(before, key=lambda a: a.end, default=None)
        reached = min(last.end, cursor) if last else start
        if cursor > reached:
            path.append(Wait(None, reached, cursor - reached))
        if last is None:
            break
        path.append(Wait(last, max(last.start, start), reached - max(last.start, start)))
        cursor = last.start
    return path[::-1]


def _spans(traces: Path) -> Iterator[Activity]:
    for line in traces.read_text(encoding="utf-8").splitlines():
        for resource in json.loads(line).get("resourceSpans", ()):
            for scope in resource.get("scopeSpans", ()):
                for span in scope.get("spans", ()):
                    start, end = int(span["startTimeUnixNano"]) / 1e9, int(span["endTimeUnixNano"]) / 1e9
                    yield Activity(_name(span), start, end)


def _is_custom(metadata: Mapping[str, Any]) -> bool:
    state = metadata.get("new") or metadata.get("old") or {}
    return bool(state.get("custom"))


def _name(span: Mapping[str, Any]) -> str:
    """The span's name; that of a new plugin with its kind, language or resource."""
    kinds = (a["value"].get("stringValue", "") for a in span.get("attributes", ()) if a["key"] == "kind")
    return " ".join([span["name"], *kinds])
