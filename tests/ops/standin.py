"""A stand-in for a running release: it keeps the app's contract, and breaks the part of it that a test names."""

import json
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

KEY, TOKEN, RELEASE = "public-key", "hush-token", "r1"


@dataclass
class Release:
    """What the stand-in says and does; the tests change it while it runs."""

    release: str = RELEASE
    worker_release: str = RELEASE
    broken: set[str] = field(default_factory=set)
    """Of: tick, not-ready, page, widget-type, open-canary, worker-stuck, worker-fails, no-event, any-key, silent,
    slow, late."""
    token: str = TOKEN
    canaries: dict[str, str] = field(default_factory=dict)
    clients: dict[str, list[ServerConnection]] = field(default_factory=dict)
    app_port: int = 0
    realtime_port: int = 0
    hosts: list[str] = field(default_factory=list)

    def outputs(self, scheme: str = "http") -> dict[str, Any]:
        """Stack outputs that lead here."""
        socket_scheme = {"http": "ws", "https": "wss"}[scheme]
        return {
            "release": self.release,
            "app_url": f"{scheme}://app.localhost:{self.app_port}",
            "widget_url": f"{scheme}://cdn.localhost:{self.app_port}/widget/widget.js",
            "realtime_url": f"{socket_scheme}://realtime.localhost:{self.realtime_port}",
            "realtime_key": KEY,
            "processes": {"app": {"replicas": 2, "release": self.release}},
        }

    def health(self, path: str, process: str) -> tuple[int, dict[str, Any]]:
        """The answer of /up and /ready."""
        document: dict[str, Any] = {"release": self.release, "process": process}
        if path == "/up":
            return 200, {"status": "up", **document}
        if "not-ready" in self.broken:
            checks = {"database": "Postgres refuses the connection.", "redis": "ok"}
            return 503, {"status": "not ready", **document, "checks": checks}
        return 200, {"status": "ready", **document, "checks": {"redis": "ok"}}

    def enqueue(self, queue: str, channel: str) -> str:
        """Take a canary job, and run it at once."""
        id = secrets.token_hex(4)
        self.canaries[id] = "queued"
        if "worker-stuck" not in self.broken:
            threading.Thread(target=self._work, args=(id, channel), daemon=True).start()
        return id

    def _work(self, id: str, channel: str) -> None:
        if "worker-fails" in self.broken:
            self.canaries[id] = "failed"
            return
        if "late" in self.broken:
            time.sleep(0.7)
        if "no-event" not in self.broken:
            data = json.dumps({"id": id, "release": self.worker_release, "process": "worker"})
            for client in self.clients.get(channel, []):
                client.send(json.dumps({"event": "canary", "channel": channel, "data": data}))
        self.canaries[id] = "finished"


@contextmanager
def running(release: Release, folder: Path | None = None) -> Iterator[Release]:
    """Serve a release on ports of 127.0.0.1, or on app.sock and realtime.sock in a folder."""
    app = _Server(_handler(release), folder / "app.sock" if folder else None)
    listener = _listen(folder / "realtime.sock" if folder else None)
    realtime = serve(
        lambda connection: _session(release, connection),
        sock=listener,
        process_request=lambda connection, request: _plain(release, request),
    )
    release.app_port, release.realtime_port = (0, 0) if folder else (app.server_port, listener.getsockname()[1])
    for serving in (lambda: app.serve_forever(poll_interval=0.02), realtime.serve_forever):
        threading.Thread(target=serving, daemon=True).start()
    try:
        yield release
    finally:
        app.shutdown()
        app.server_close()
        realtime.shutdown()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler], path: Path | None) -> None:
        super().__init__(("127.0.0.1", 0), handler, bind_and_activate=False)
        self.socket.close()
        self.socket = _listen(path)
        if not path:
            self.server_port = self.socket.getsockname()[1]

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = self.socket.accept()
        return connection, address or ("unix", 0)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is nothing to print."""


def _listen(path: Path | None) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
    listener.bind(str(path) if path else ("127.0.0.1", 0))
    listener.listen(64)
    return listener


def _handler(release: Release) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            release.hosts.append(self.headers["Host"])
            if "slow" in release.broken:
                time.sleep(2.2)
            if self.path in ("/up", "/ready"):
                self.answer(*release.health(self.path, "app"))
            elif self.path == "/":
                self.answer(500 if "page" in release.broken else 200, "<h1>Pitchbar</h1>", "text/html; charset=utf-8")
            elif self.path == "/widget/widget.js":
                self.answer(200, "1;", "text/plain" if "widget-type" in release.broken else "text/javascript")
            elif self.authorized():
                id = self.path.rpartition("/")[2]
                error = "the row could not be read back." if release.canaries[id] == "failed" else None
                ran = release.worker_release if release.canaries[id] == "finished" else None
                self.answer(200, {"id": id, "status": release.canaries[id], "release": ran, "error": error})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if not self.authorized():
                return
            if self.path.endswith("/queue-tick"):
                self.answer(202, {} if "tick" in release.broken else {"id": "the-pass"})
            else:
                self.answer(202, {"id": release.enqueue(body["queue"], body["channel"])})

        def authorized(self) -> bool:
            if "open-canary" in release.broken or self.headers["Authorization"] == f"Bearer {release.token}":
                return True
            self.answer(401, {"error": "no"})
            return False

        def answer(self, status: int, body: Any, type: str = "application/json") -> None:
            data = (body if isinstance(body, str) else json.dumps(body)).encode()
            self.send_response(status)
            self.send_header("Content-Type", type)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


def _plain(release: Release, request: Request) -> Response | None:
    path = urlsplit(request.path).path
    if path not in ("/up", "/ready"):
        return None
    status, document = release.health(path, "realtime")
    body = json.dumps(document).encode()
    headers = Headers({"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"})
    return Response(status, HTTPStatus(status).phrase, headers, body)


def _session(release: Release, connection: ServerConnection) -> None:
    def send(event: str, **data: Any) -> None:
        connection.send(json.dumps({"event": event, "data": json.dumps(data)}))

    assert connection.request is not None
    if "silent" in release.broken:
        connection.close(4200, "reconnect")
        return
    if urlsplit(connection.request.path).path != f"/app/{KEY}" and "any-key" not in release.broken:
        send("pusher:error", code=4001, message="Application does not exist.")
        connection.close(4001, "unknown")
        return
    send("pusher:connection_established", socket_id="1.1", activity_timeout=30)
    try:
        for message in connection:
            event = json.loads(message)
            if event["event"] == "pusher:ping":
                send("pusher:pong")
            if event["event"] == "pusher:subscribe":
                channel = event["data"]["channel"]
                release.clients.setdefault(channel, []).append(connection)
                send("pusher_internal:subscription_succeeded")
    except ConnectionClosed:
        pass
