"""What was deployed to a stack, as `pulumi stack history` tells on any backend: one entry an update, with its
config."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.ops.engine import capture
from infra.ops.stacks import Stack

PIN = "pitchbar:release"
_DEPLOYS = ("update",)


@dataclass(frozen=True)
class Deployment:
    """One update of a stack. ``release`` is the one that was pinned when it began; ``at`` is UTC in ISO 8601."""

    version: int
    release: str
    result: str
    at: str
    seconds: float
    commit: str
    by: str


def deployments(stack: Stack) -> tuple[Deployment, ...]:
    """The updates with a pinned release, the newest first. An update without a pin doesn't say what it released."""
    entries: list[dict[str, Any]] = json.loads(capture(stack, ["stack", "history", "--json"]) or "[]")
    return tuple(_deployment(entry) for entry in entries if entry["kind"] in _DEPLOYS and _pin(entry))


def _deployment(entry: Mapping[str, Any]) -> Deployment:
    environment = entry.get("environment") or {}
    return Deployment(
        version=entry["version"],
        release=_pin(entry),
        result=entry["result"],
        at=entry["startTime"],
        seconds=_seconds(entry),
        commit=str(environment.get("git.head", "")),
        by=str(environment.get("git.committer") or environment.get("git.author") or ""),
    )


def _pin(entry: Mapping[str, Any]) -> str:
    value: Mapping[str, Any] = (entry.get("config") or {}).get(PIN) or {}
    return str(value.get("value") or "")


def _seconds(entry: Mapping[str, Any]) -> float:
    from datetime import datetime

    if not entry.get("endTime"):
        return 0.0
    return (datetime.fromisoformat(entry["endTime"]) - datetime.fromisoformat(entry["startTime"])).total_seconds()
