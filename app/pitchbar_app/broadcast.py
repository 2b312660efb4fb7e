"""Events for browsers, on their way through Redis to every realtime server."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CHANNEL = re.compile(r"[A-Za-z0-9_\-=@,.;]{1,200}")


@dataclass(frozen=True)
class Event:
    """One event for some channels; `data` is text, as the Pusher protocol has it (JSON in most cases)."""

    channels: tuple[str, ...]
    name: str
    data: str

    def encode(self) -> str:
        """The event as it travels through Redis."""
        return json.dumps({"channels": self.channels, "event": self.name, "data": self.data})

    @staticmethod
    def decode(text: str | bytes) -> Event:
        """Read what `encode` wrote; ValueError when it is something else."""
        value = json.loads(text)
        match value:
            case {"channels": [*channels], "event": str(name), "data": str(data)} if all(
                isinstance(channel, str) for channel in channels
            ):
                return Event(tuple(channels), name, data)
        raise ValueError("this is not an event")


def event(channels: Sequence[str], name: str, data: Mapping[str, Any]) -> Event:
    """An event whose data is the JSON text of a mapping."""
    return Event(tuple(channels), name, json.dumps(data))


def topic(app_id: str) -> str:
    """The Redis channel that carries the events of one application."""
    return f"pitchbar:realtime:{app_id}"
