"""Sends events to every process through Redis, and keeps some of them while Redis is away."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from time import monotonic

from redis.asyncio import Redis
from redis.exceptions import RedisError

from pitchbar_app.broadcast import Event

MOST_WAITING = 1000
AT_ONCE = 100
SETTLING = 5.0
"""Longer than a process takes to listen again after Redis is back, on a busy machine too."""
MEMORY = 60.0
"""How long after an interruption those are waited for who listened before it; some may have left meanwhile."""
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 0.5
log = logging.getLogger(__name__)


class Publisher:
    """A bounded queue of events. After Redis was away it waits until the other processes hear it again."""

    def __init__(self, client: Redis, topic: str, processes: Callable[[], int]) -> None:
        """`processes` tells how many processes listen when all is well."""
        self._client = client
        self._topic = topic
        self._processes = processes
        self._waiting: deque[str] = deque()
        self._wake = asyncio.Event()
        self._interrupted = False
        self._heard = 0  # How many processes the last event reached, as Redis says.
        self._listened = 0
        self._interrupted_at = 0.0

    def has_room_for(self, events: int) -> bool:
        """Whether so many events can be taken."""
        return len(self._waiting) + events <= MOST_WAITING

    def put(self, event: Event) -> bool:
        """Send an event as soon as possible; False when too many are waiting, and it will not be sent."""
        if not self.has_room_for(1):
            return False
        self._waiting.append(event.encode())
        self._wake.set()
        return True

    def interrupt(self) -> None:
        """The subscriptions to Redis broke: wait for them before anything more is sent.

        Who listened until now is remembered, because Redis may have forgotten it when it is back: leases run out.
        """
        if not self._interrupted:
            self._interrupted, self._interrupted_at = True, monotonic()
            self._listened = max(self._heard, self._processes())

    async def run(self) -> None:
        """Send what is put in; until it is cancelled."""
        pause = FIRST_PAUSE
        while True:
            await self._wake.wait()
            try:
                if self._interrupted:
                    await self._listened_to()
                    self._interrupted = False
                await self._send(min(len(self._waiting), AT_ONCE))
                pause = FIRST_PAUSE
            except (RedisError, OSError) as error:
                log.warning("events wait: Redis does not answer (%s)", error)
                self.interrupt()
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            if not self._waiting:
                self._wake.clear()

    async def _send(self, number: int) -> None:
        """Send the first events; they leave the queue when Redis has them."""
        async with self._client.pipeline(transaction=False) as pipeline:
            for text in list(self._waiting)[:number]:
                pipeline.publish(self._topic, text)
            heard = await pipeline.execute()
        self._heard = heard[-1] if heard else self._heard
        for _ in range(number):
            self._waiting.popleft()

    async def _listened_to(self) -> None:
        """Wait until as many processes as before listen again, but not for ever: one of them may be dead."""
        deadline = monotonic() + SETTLING
        remembered = self._listened if monotonic() - self._interrupted_at < MEMORY else 0
        wanted = max(remembered, self._processes())
        while monotonic() < deadline:
            [(_, listeners)] = await self._client.pubsub_numsub(self._topic)
            if listeners >= wanted:
                return
            await asyncio.sleep(0.05)
