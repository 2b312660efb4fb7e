"""Keeps Redis told about this process, so that every process knows who is where.

Each process has a lease that it renews every second; the members of a process whose lease ran out are removed by
whoever notices first. Whenever it is not sure what Redis knows (at the start, after an error, after Redis was away,
after its lease ran out) a process announces everything about itself anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from time import monotonic

from redis.exceptions import RedisError

from pitchbar_app.realtime.changes import Batch
from pitchbar_app.realtime.hub import Hub
from pitchbar_app.realtime.scripts import Scripts

BEAT = 1.0
SETTLING = 5.0
"""Longer than a process takes to announce itself after Redis is back, on a busy machine too."""
MOST_REMOVED = 2000
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
log = logging.getLogger(__name__)


class Nodes:
    """This process among the others."""

    def __init__(self, hub: Hub, scripts: Scripts) -> None:
        self.count = 1
        self.connections_elsewhere = 0
        self._hub = hub
        self._scripts = scripts
        self._turn = asyncio.Lock()
        self._doubts = 1
        self._answered = 0
        self._retired = False
        self._next_beat = 0.0
        self._settled_at: float | None = None

    async def run(self) -> None:
        """Tell Redis about every change at once, and every second that this process lives; until it is cancelled."""
        pause = FIRST_PAUSE
        while not self._retired:
            try:
                await self.flush()
                pause = FIRST_PAUSE
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(max(0.0, self._next_beat - monotonic()) if self._sure else 0):
                        await self._hub.changes.wake.wait()
            except (RedisError, OSError) as error:
                log.warning("Redis could not be told who is connected (%s), trying again in %g s", error, pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def flush(self) -> None:
        """Tell Redis what it does not know yet."""
        async with self._turn:
            if self._retired:
                return
            try:
                await self._tell()
            except BaseException:
                self._doubt()
                raise

    def renew(self) -> None:
        """The subscription to Redis is new: what was told meanwhile is lost, and Redis itself may be new."""
        self._doubt()
        self._hub.changes.wake.set()

    async def check(self) -> str | None:
        """A sentence when Redis does not know who is connected here."""
        return None if self._sure else "Redis has not been told yet who is connected; this is being done."

    async def retire(self) -> None:
        """Leave: the clients of this process have a moment to connect to another one before they count as gone."""
        async with self._turn:
            self._retired = True
            await self._scripts.run("retire")

    @property
    def _sure(self) -> bool:
        """Whether Redis knows what is here, but for the latest changes."""
        return self._answered == self._doubts

    def _doubt(self) -> None:
        self._doubts += 1
        self._settled_at = monotonic() + SETTLING

    async def _tell(self) -> None:
        while not self._sure:  # a doubt may arise while an earlier one is being answered
            await self._announce()
        now = monotonic()
        if now >= self._next_beat:
            await self._beat()
            self._next_beat = now + BEAT
        if self._settled_at is not None and now >= self._settled_at:
            self._settled_at = None
            self._hub.want_rosters()
        if self._hub.changes.wake.is_set():
            await self._change(self._hub.changes.take())

    async def _announce(self) -> None:
        doubts = self._doubts
        self._hub.changes.take()
        state = {
            "connections": self._hub.size,
            "channels": list(self._hub.counts().items()),
            "members": self._hub.members_here(),
        }
        self.count = int(await self._scripts.run("announce", json.dumps(state)))
        self._answered = doubts
        self._hub.want_rosters(unknown_only=True)

    async def _beat(self) -> None:
        known, elsewhere = await self._scripts.run("beat", self._hub.size, MOST_REMOVED)
        self.connections_elsewhere = int(elsewhere)
        if known:
            self.count = int(known)
        else:
            await self._introduce()

    async def _change(self, batch: Batch) -> None:
        changes = {
            "channels": list(self._hub.counts(batch.channels).items()),
            "members": [
                (channel, user, self._hub.info_here(channel, user) or False) for channel, user in batch.members
            ],
            "rosters": list(batch.rosters),
        }
        if not await self._scripts.run("change", json.dumps(changes)):
            await self._introduce()

    async def _introduce(self) -> None:
        """Redis does not know this process: its lease ran out, or Redis forgot everything."""
        self._doubt()
        await self._announce()
