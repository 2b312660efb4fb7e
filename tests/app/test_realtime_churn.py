"""Three hundred connections come and go on three realtime servers at once; at the end each knows who is left."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from functools import partial

from websockets.sync.client import ClientConnection

from tests.app.processes import Launcher
from tests.app.pusher_protocol import ADDED, REMOVED, eventually, members, present, user_count
from tests.support.processes import PATIENCE


def test_churn_of_three_hundred_connections(app: Launcher) -> None:
    """Threads connect, join, leave and vanish at random places; at the end all three processes know who is left."""
    app.environment["REVERB_APP_ID"] = "churn"
    nodes = [app.start("realtime", wait="/ready") for _ in range(3)]
    watchers = [present(node, "presence-churn", "watcher")[0] for node in nodes]
    heard: list[list[tuple[str, str]]] = [[] for _ in nodes]
    stop = threading.Event()
    readers = [threading.Thread(target=_listen, args=(*pair, stop)) for pair in zip(watchers, heard, strict=True)]
    for reader in readers:
        reader.start()
    numbers = itertools.count()
    staying: set[str] = set()

    def churn() -> None:
        while (number := next(numbers)) < 300:
            user = f"u{number % 60}"
            client, _ = present(nodes[number % 3], "presence-churn", user)
            if number < 240:
                client.close() if number % 2 else client.socket.shutdown(socket.SHUT_RDWR)
            else:
                staying.add(user)

    threads = [threading.Thread(target=churn) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(3 * PATIENCE)
    wanted = sorted([*staying, "watcher"])
    assert len(wanted) == 61
    for node in nodes:
        eventually(partial(members, node, "presence-churn"), wanted)
        assert user_count(node, "presence-churn") == 61
    for changes in heard:
        eventually(partial(_left, changes), sorted(staying))
    time.sleep(1)
    stop.set()
    for reader, changes in zip(readers, heard, strict=True):
        reader.join(PATIENCE)
        assert _left(changes) == sorted(staying)
    for node in nodes:
        node.popen.kill()  # before its clients say good-bye one by one


def _listen(client: ClientConnection, heard: list[tuple[str, str]], stop: threading.Event) -> None:
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            message = client.recv(timeout=0.2)
            assert isinstance(message, str)
            for kind in (ADDED, REMOVED):
                if f'"{kind}"' in message:
                    heard.append((kind, message.split('user_id\\": \\"')[1].split("\\")[0]))


def _left(changes: list[tuple[str, str]]) -> list[str]:
    """Who is there after these changes; nobody may come twice or go without having come."""
    there: set[str] = set()
    for kind, user in tuple(changes):
        assert (user in there) == (kind == REMOVED), f"{user} was {kind} at the wrong time"
        there.symmetric_difference_update({user})
    return sorted(there)
