"""What arrives through Redis: events for clients, and what the processes tell each other about members."""

from __future__ import annotations

import json
import logging
from typing import Any

from pitchbar_app.broadcast import Event
from pitchbar_app.realtime.hub import Hub

log = logging.getLogger(__name__)


class Inbox:
    """Reads messages and passes them on to the hub; what is none of ours is left out."""

    def __init__(self, hub: Hub, events_topic: str) -> None:
        self._hub = hub
        self._events_topic = events_topic

    def take(self, source: str, data: bytes) -> None:
        """Read one message."""
        try:
            if source == self._events_topic:
                self._hub.deliver(Event.decode(data))
            else:
                self._told(json.loads(data))
        except (ValueError, RecursionError):
            log.warning("something that is not an event was published and is left out")

    def _told(self, message: Any) -> None:
        match message:
            case {"type": "added", "channel": str(channel), "user": str(user), "info": str(info)}:
                self._hub.added(channel, user, info)
            case {"type": "removed", "channel": str(channel), "user": str(user)}:
                self._hub.removed(channel, user)
            case {"type": "roster", "channel": str(channel), "members": list(members)}:
                self._hub.replace(channel, dict(members))
            case {"type": "roster", "channel": str(channel)}:  # Lua writes an empty list as an empty object
                self._hub.replace(channel, {})
            case {"type": "terminate", "user": str(user)}:
                self._hub.terminate(user)
            case _:
                raise ValueError("this is not a message between processes")
