"""The events that arrive through Redis, also after Redis was away."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from pitchbar_app.redis_clients import asynchronous
from pitchbar_app.settings import RealtimeServer

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
QUIET, DEAD = 5.0, 12.0
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Listener:
    """What the feed tells: each message with the Redis channel it came on, and when the subscription begins or ends."""

    take: Callable[[str, bytes], None]
    begins: Callable[[], None]
    ends: Callable[[], None]


class Feed:
    """A subscription that is renewed whenever it breaks; `check` proves that it is live."""

    def __init__(self, settings: RealtimeServer, topics: tuple[str, ...], listener: Listener) -> None:
        self._topics = topics
        self._listener = listener
        self._echo_topic = f"{topics[0]}:echo:{secrets.token_hex(8)}"
        self._subscriber = asynchronous(settings.redis, settings.app, retries=0)
        self._publisher = asynchronous(settings.redis, settings.app)
        self._live = False
        self._echoes: dict[str, asyncio.Future[None]] = {}

    async def run(self) -> None:
        """Deliver events until this is cancelled."""
        pause = FIRST_PAUSE
        while True:
            try:
                async with self._subscriber.pubsub() as subscription:
                    await subscription.subscribe(*self._topics, self._echo_topic)
                    await self._receive(subscription)
            except (RedisError, OSError) as error:
                pause = FIRST_PAUSE if self._live else pause
                log.warning("the subscription to Redis broke (%s), trying again in %g s", error, pause)
            finally:
                self._end()
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def check(self) -> str | None:
        """Send an echo through Redis and wait until the subscription brings it back."""
        if not self._live:
            return "The subscription to Redis is not live; it is being renewed."
        token = secrets.token_hex(8)
        echo = self._echoes[token] = asyncio.get_running_loop().create_future()
        try:
            await self._publisher.publish(self._echo_topic, token)
            await echo
        finally:
            del self._echoes[token]
        return None

    async def close(self) -> None:
        """Close the connections."""
        await self._subscriber.aclose()
        await self._publisher.aclose()

    async def _receive(self, subscription: PubSub) -> None:
        heard, missing = monotonic(), len(self._topics) + 1
        while True:
            message = await subscription.get_message(timeout=QUIET)
            if message is None:
                if monotonic() - heard > DEAD:
                    raise ConnectionError("no answer")
                await subscription.ping()
                continue
            heard = monotonic()
            if message["type"] == "message":
                self._take(message["channel"].decode(), message["data"])
            elif message["type"] == "subscribe":
                missing -= 1
                if not missing:
                    self._begin()

    def _begin(self) -> None:
        self._live = True
        self._listener.begins()

    def _end(self) -> None:
        if self._live:
            self._live = False
            self._listener.ends()

    def _take(self, source: str, data: bytes) -> None:
        if source != self._echo_topic:
            self._listener.take(source, data)
            return
        echo = self._echoes.get(data.decode())
        if echo is not None and not echo.done():
            echo.set_result(None)
