"""The WebSocket client of the checks: one thread, and one sentence for each handshake that fails."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from infra import checks, pusher
from infra.checks import CheckFailed
from infra.endpoints import Endpoint, url_endpoint, websocket
from tests.ops.gateway import tls_gateway
from tests.ops.standin import KEY, Release, running


@contextmanager
def answering(answer: bytes) -> Iterator[Endpoint]:
    """A server that gives one connection this answer, whatever it asks; an empty one means that it stays silent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        kept = []

        def serve() -> None:
            connection, _ = listener.accept()
            kept.append(connection)
            connection.recv(65536)
            connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield url_endpoint(f"ws://realtime.localhost:{listener.getsockname()[1]}")
        thread.join()
        for connection in kept:
            connection.close()


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "it answered 404 instead of 101."),
        (b"HTTP/1.1 302 Found\r\nLocation: ws://elsewhere.localhost/\r\n\r\n", "Redirect limit exhausted."),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
         "Invalid WebSocket Header."),
        (b"", "it took too long."),
    ],
)  # fmt: skip
def test_a_handshake_that_fails_is_said_in_one_sentence(answer: bytes, sentence: str) -> None:
    with (
        answering(answer) as endpoint,
        pytest.raises(CheckFailed) as caught,
        websocket(endpoint, "/app/k?q", timeout=2),
    ):
        pass
    assert str(caught.value) == (
        f"ws://realtime.localhost:{endpoint.port}/app/k does not take WebSocket connections: {sentence}"
    )


def test_a_server_that_goes_away_in_the_middle() -> None:
    with running(Release()) as release:
        endpoint = url_endpoint(f"ws://realtime.localhost:{release.realtime_port}")
        with pusher.subscribed(endpoint, KEY, "news", 30) as connection:
            release.clients["news"][0].socket.shutdown(socket.SHUT_RDWR)
            with pytest.raises(CheckFailed, match=r"closed the connection \(without a code\)"):
                pusher.await_event(endpoint, connection, "news", deadline=time.monotonic() + 30)


def test_a_tls_connection_is_read_and_written_by_one_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two in one TLS session hang in few of many connections, which no test would see often enough."""
    threads = set()

    def watch(method: str) -> None:
        real = getattr(ssl.SSLSocket, method)

        def recorded(*args: Any, **options: Any) -> Any:
            threads.add((method, threading.current_thread()))
            return real(*args, **options)

        monkeypatch.setattr(ssl.SSLSocket, method, recorded)

    for method in ("recv", "recv_into", "send", "sendall"):
        watch(method)
    with running(Release()) as release, tls_gateway(release, tmp_path) as (outputs, authority):
        checks.realtime_accepts(url_endpoint(outputs["realtime_url"], authority.read_text()), KEY, timeout=30)
    assert {thread for _, thread in threads} == {threading.current_thread()}
    assert len(threads) >= 2
