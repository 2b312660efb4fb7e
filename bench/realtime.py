"""Measures fan-out: 500 connections over two realtime servers, one event a second for all of them.

    .venv/bin/python -m bench.realtime [--connections 500] [--seconds 20]

The figure to stand beside: soketi publishes a 95th percentile of 24 ms with 500 users.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from infra import wiring
from tests.app.processes import Launcher, Process, launcher
from tests.app.pusher_protocol import trigger
from tests.support import services

GOAL = 0.024
CHANNEL = "bench"


@dataclass
class Times:
    """When each event was sent, and how long after that it arrived at each client."""

    sent: dict[int, float] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)
    ready: int = 0


class Client(asyncio.Protocol):
    """A client that does as little as possible, so that mostly the servers are measured."""

    def __init__(self, times: Times) -> None:
        self._times = times
        self._subscribed = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for a WebSocket."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /app/public-key?protocol=7 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Note an event, or take the next step to hear any."""
        now = time.perf_counter()
        if b'"tick"' in data:
            number = int(data.split(b'"data": "')[1].split(b'"')[0])
            self._times.took.append(now - self._times.sent[number])
        elif b"connection_established" in data and self._transport is not None:
            text = json.dumps({"event": "pusher:subscribe", "data": {"channel": CHANNEL}}).encode()
            self._transport.write(bytes([0x81, 0x80 | len(text)]) + bytes(4) + text)
        elif b"subscription_succeeded" in data:
            self._times.ready += 1


async def measure(nodes: list[Process], connections: int, seconds: int) -> Times:
    """Connect everyone, then send one event a second."""
    times, loop = Times(), asyncio.get_running_loop()
    for number in range(connections):
        await loop.create_unix_connection(lambda: Client(times), str(nodes[number % len(nodes)].address))
    async with asyncio.timeout(30):
        while times.ready < connections:
            await asyncio.sleep(0.05)
    for number in range(seconds):
        times.sent[number] = time.perf_counter()
        answer = await asyncio.to_thread(trigger, nodes[number % len(nodes)], CHANNEL, "tick", number)
        assert answer.status == 200, answer.body
        await asyncio.sleep(1)
    return times


@contextlib.contextmanager
def servers(count: int) -> Iterator[list[Process]]:
    """Some realtime servers on a Redis of their own."""
    with services.service_folder() as folder, services.redis(folder) as redis:
        own = Path(tempfile.mkdtemp(dir=folder))
        known = realtime_environment(redis)
        with launcher(own, known) as made:
            yield started(made, count)


def realtime_environment(redis: services.Redis) -> dict[str, str]:
    """What a realtime server needs to know."""
    return {
        "PATH": os.environ["PATH"],
        "APP_ENV": "local",
        "APP_RELEASE": "bench",
        "REDIS_HOST": redis.host,
        "REDIS_PORT": str(redis.port),
        "REDIS_PASSWORD": redis.password,
        "REVERB_APP_ID": wiring.REALTIME_APP_ID,
        "REVERB_APP_KEY": "public-key",
        "REVERB_APP_SECRET": "secret-of-the-realtime-server",
        "REVERB_HOST": "realtime.localhost",
        "REVERB_PORT": "8000",
        "REVERB_SCHEME": "http",
    }


def started(made: Launcher, count: int) -> list[Process]:
    """So many realtime servers that are ready."""
    return [made.start("realtime", wait="/ready") for _ in range(count)]


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; 1 when the goal is missed or an event did not arrive."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=20)
    options = parser.parse_args(arguments)
    with servers(2) as nodes:
        times = asyncio.run(measure(nodes, options.connections, options.seconds))
    expected = options.connections * options.seconds
    took = sorted(times.took)
    print(
        f"{options.connections} connections over 2 servers, {options.seconds} events: {len(took)} of {expected} arrived"
    )
    for part in (0.5, 0.95, 0.99, 1.0):
        print(f"  p{part * 100:g}: {took[min(len(took) - 1, int(len(took) * part))] * 1000:.1f} ms")
    good = len(took) == expected and took[int(len(took) * 0.95)] <= GOAL
    print(f"  goal: p95 at most {GOAL * 1000:g} ms: {'met' if good else 'MISSED'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
