"""Events for browsers, on their way through Redis to every realtime server."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CHANNEL = re.compile(r"[A-Za-z0-9_\-=@,.;]{1,200}")
TO_USER = "#server-to-user-"
"""What the channel of one signed-in user begins with; only that user hears it."""
LONGEST_DATA = 10_240
LONGEST_NAME = 200
MOST_CHANNELS = 100


@dataclass(frozen=True)
class Event:
    """One event for some channels; `data` is text, as the Pusher protocol has it (JSON in most cases).

    `sender` is the connection that does not hear it (where the event comes from), `user` the member of a presence
    channel that sent it.
    """

    channels: tuple[str, ...]
    name: str
    data: str
    sender: str | None = None
    user: str | None = None

    def encode(self) -> str:
        """The event as it travels through Redis."""
        value: dict[str, Any] = {"channels": self.channels, "event": self.name, "data": self.data}
        if self.sender is not None:
            value["sender"] = self.sender
        if self.user is not None:
            value["user"] = self.user
        return json.dumps(value)

    @staticmethod
    def decode(text: str | bytes) -> Event:
        """Read what `encode` wrote; ValueError when it is something else."""
        value = json.loads(text)
        match value:
            case {"channels": [*channels], "event": str(name), "data": str(data)} if all(
                isinstance(channel, str) for channel in channels
            ):
                sender, user = value.get("sender"), value.get("user")
                return Event(
                    tuple(channels),
                    name,
                    data,
                    sender if isinstance(sender, str) else None,
                    user if isinstance(user, str) else None,
                )
        raise ValueError("this is not an event")


def event(channels: Sequence[str], name: str, data: Mapping[str, Any]) -> Event:
    """An event whose data is the JSON text of a mapping."""
    return Event(tuple(channels), name, json.dumps(data))


def topic(app_id: str) -> str:
    """The Redis channel that carries the events of one application."""
    return f"pitchbar:realtime:{app_id}"


def may_carry(channel: str) -> bool:
    """Whether events can be sent on a channel of this name."""
    return CHANNEL.fullmatch(channel.removeprefix(TO_USER)) is not None and len(channel) <= LONGEST_NAME
