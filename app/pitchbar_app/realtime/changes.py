"""What has changed on this process and Redis has not been told yet.

Only *what* has changed is noted, never how: whoever tells Redis looks at how things are by then. So a thing that
changes a hundred times while Redis is away takes the room of one, and telling it twice does no harm.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True)
class Batch:
    """Channels whose number of subscriptions changed, members who came or went, rosters that are wanted; in the order
    in which they first changed."""

    channels: tuple[str, ...]
    members: tuple[tuple[str, str], ...]
    rosters: tuple[str, ...]


class Changes:
    """Collects changes until they are taken; `wake` is set while there are any."""

    def __init__(self) -> None:
        self.wake = asyncio.Event()
        self._open = True
        self._channels: dict[str, None] = {}
        self._members: dict[tuple[str, str], None] = {}
        self._rosters: dict[str, None] = {}

    def channel(self, name: str) -> None:
        """The number of subscriptions to a channel changed."""
        self._note(self._channels, name)

    def member(self, channel: str, user: str) -> None:
        """Someone came to a presence channel or went."""
        self._note(self._members, (channel, user))

    def roster(self, channel: str) -> None:
        """The members of a presence channel on all processes are wanted."""
        self._note(self._rosters, channel)

    def take(self) -> Batch:
        """Everything so far; it is noted no more."""
        batch = Batch(tuple(self._channels), tuple(self._members), tuple(self._rosters))
        for noted in (self._channels, self._members, self._rosters):
            noted.clear()
        self.wake.clear()
        return batch

    def end(self) -> None:
        """Note nothing from now on: this process is leaving, and its clients with it."""
        self._open = False
        self.take()

    def _note(self, noted: dict[Item, None], value: Item) -> None:
        if self._open:
            noted[value] = None
            self.wake.set()
