"""The engine's own record of an update: what changed, and what failed in whose words."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_COLOUR_TAG = re.compile(r"<\{%.*?%\}>|\033\[[0-9;]*m")
_MOST_LINES = 40
_CANCELLED = ("update canceled", "preview canceled", "destroy canceled")
_FAILED = ("update failed", "preview failed", "destroy failed", "refresh failed", *_CANCELLED)
"""What the engine says of the whole, besides what it says of the part that failed."""


@dataclass(frozen=True)
class Failure:
    """A resource (or, without a type, the program) that failed, and its own words."""

    name: str
    type: str
    message: str


@dataclass(frozen=True)
class Record:
    """What happened in one update; `changes` counts resources by kind (create, update, same, ...)."""

    changes: Mapping[str, int]
    failures: tuple[Failure, ...]
    cancelled: bool = False
    """Whether somebody stopped it; on a terminal the engine itself reads Ctrl-C, so only it knows."""
    only_previewed: bool = False
    """Whether a preview ended and no update followed it: it was not confirmed."""


def read(file: Path) -> Record:
    """The record in an event log; an empty one where the engine never started."""
    changes: dict[str, int] = {}
    summaries: list[bool] = []
    failures: dict[tuple[str, str], Failure] = {}
    printed: list[str] = []
    for event in _events(file):
        if "summaryEvent" in event:
            summary = event["summaryEvent"]
            summaries.append(bool(summary.get("isPreview")))
            changes = dict(summary.get("resourceChanges") or {})
        diagnostic = event.get("diagnosticEvent") or {}
        if diagnostic.get("severity") == "error":
            failure = _failure(diagnostic.get("urn", ""), diagnostic.get("message", ""))
            failures.setdefault((failure.name, failure.message), failure)
        elif diagnostic.get("severity") == "info#err":
            printed.append(diagnostic.get("message", ""))
    told = _worth_telling(list(failures.values()))
    if not told and printed:  # a program that ended with nothing but what it printed on stderr
        told = (_failure("", "".join(printed)),)
    cancelled = any(failure.message in _CANCELLED for failure in failures.values())
    if summaries and all(summaries):
        return Record({}, told, cancelled, only_previewed=not told)
    return Record(changes, told, cancelled)


def urn_parts(urn: str) -> tuple[str, str]:
    """A resource's name and type."""
    parts = urn.split("::")
    return parts[-1], parts[2].rpartition("$")[2] if len(parts) > 3 else ""


def _events(file: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue  # the last line of a killed engine
        if isinstance(event, dict):
            yield event


def _failure(urn: str, message: str) -> Failure:
    lines = [line.rstrip() for line in _COLOUR_TAG.sub("", message).strip().splitlines()]
    if len(lines) > _MOST_LINES:
        lines = [lines[0], "...", *lines[2 - _MOST_LINES :]]
    name, type = urn_parts(urn)
    return Failure(name, type, "\n".join(lines).removeprefix("error: "))


def _worth_telling(failures: list[Failure]) -> tuple[Failure, ...]:
    """Those that say what failed, and not only that something did."""
    return tuple(failure for failure in failures if failure.message and failure.message not in _FAILED)
