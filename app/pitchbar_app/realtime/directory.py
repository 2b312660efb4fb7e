"""Looks up who is where on all processes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from pitchbar_app.realtime.nodes import Nodes
from pitchbar_app.realtime.scripts import Scripts


@dataclass(frozen=True)
class Occupancy:
    """How many connections are subscribed to a channel, and how many users they are if it is a presence channel."""

    subscriptions: int
    users: int


EMPTY = Occupancy(0, 0)


class Directory:
    """Asks Redis, after it was told what has changed here."""

    def __init__(self, nodes: Nodes, scripts: Scripts) -> None:
        self._nodes = nodes
        self._scripts = scripts

    async def with_prefix(self, prefix: str, count_users: bool) -> dict[str, Occupancy]:
        """Every channel that anyone is subscribed to and whose name begins so."""
        return await self._look(prefix, "0", count_users)

    async def of(self, channels: Iterable[str], count_users: bool) -> dict[str, Occupancy]:
        """These channels, where anyone is subscribed to them."""
        return await self._look(json.dumps(list(channels)), "1", count_users)

    async def users(self, channel: str) -> list[str]:
        """The ids of the members of a presence channel."""
        await self._nodes.flush()
        return [user.decode() for user in await self._scripts.run("users", channel)]

    async def _look(self, names: str, exactly: str, count_users: bool) -> dict[str, Occupancy]:
        await self._nodes.flush()
        found = await self._scripts.run("channels", names, exactly, "1" if count_users else "0")
        return {name.decode(): Occupancy(int(subscriptions), int(users)) for name, subscriptions, users in found}
