"""Visitors of an environment: HTTP and WebSocket clients that never stop asking, and count what went wrong."""

import http.client
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import connect

from tests.support.processes import PATIENCE

RECONNECT = 4200
"""Pusher's close code that tells a client to connect again at once: a drain, not a failure."""


@dataclass
class Tally:
    """What the visitors saw."""

    requests: int = 0
    releases: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    connections: int = 0
    reconnections: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answered(self, release: str) -> None:
        """Count one answer of a release."""
        with self._lock:
            self.requests += 1
            self.releases[release] += 1

    def failed(self, sentence: str) -> None:
        """Count one failure."""
        with self._lock:
            self.failures.append(sentence)


@contextmanager
def visitors(app_url: str, realtime_url: str, key: str, *, http: int = 6, websockets: int = 4) -> Iterator[Tally]:
    """Visitors of an environment while the block runs."""
    tally = Tally()
    stop = threading.Event()
    threads = [threading.Thread(target=_browse, args=(app_url, tally, stop)) for _ in range(http)]
    threads += [threading.Thread(target=_listen, args=(realtime_url, key, tally, stop)) for _ in range(websockets)]
    for thread in threads:
        thread.start()
    try:
        yield tally
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def wait_for_requests(tally: Tally, count: int, seconds: float = 4 * PATIENCE) -> None:
    """Wait until ``count`` more requests were answered."""
    goal, deadline = tally.requests + count, time.monotonic() + seconds
    while tally.requests < goal:
        assert time.monotonic() < deadline, f"only {tally.requests} of {goal} requests were answered in {seconds} s"
        time.sleep(0.02)


def _browse(url: str, tally: Tally, stop: threading.Event) -> None:
    parts = urlsplit(url)
    headers = {"Host": parts.netloc}
    connection = http.client.HTTPConnection("127.0.0.1", parts.port or 80, timeout=PATIENCE)
    while not stop.is_set():
        try:
            connection.request("GET", "/up", headers=headers)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status == 200:
                tally.answered(str(json.loads(body)["release"]))
            else:
                tally.failed(f"HTTP {answer.status}: {body[:100]!r}")
        except (OSError, http.client.HTTPException, ValueError) as error:
            tally.failed(f"{type(error).__name__}: {error}")
            connection.close()
    connection.close()


def _listen(url: str, key: str, tally: Tally, stop: threading.Event) -> None:
    first = True
    while not stop.is_set():
        try:
            raw = socket.create_connection(("127.0.0.1", urlsplit(url).port or 80), timeout=PATIENCE)
            with connect(f"{url}/app/{key}?protocol=7", sock=raw, proxy=None, open_timeout=PATIENCE) as connection:
                greeting = json.loads(connection.recv(timeout=PATIENCE))
                assert greeting["event"] == "pusher:connection_established", greeting
                tally.connections += 1
                tally.reconnections += not first
                first = False
                while not stop.is_set():
                    try:
                        connection.recv(timeout=0.1)
                    except TimeoutError:
                        continue
        except ConnectionClosed as error:
            if error.rcvd is None or error.rcvd.code != RECONNECT:
                tally.failed(f"WebSocket closed: {error}")
        except (OSError, WebSocketException, AssertionError) as error:
            tally.failed(f"WebSocket {type(error).__name__}: {error}")
