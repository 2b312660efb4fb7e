"""A double of `POST /api/v1/answers`, and a site of somebody else's that has the widget.

It answers as the real endpoint promises (parts on the caller's channel, the whole as the response), but says what a
test tells it to, when the test lets it.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.processes import PATIENCE

Publish = Callable[[str, str, Any], None]
LINKS = [
    {"title": "Opening hours", "url": "https://shop.example/hours"},
    {"title": "Delivery", "url": "https://shop.example/delivery"},
]


@dataclass
class Double:
    """What the next answer is, and what was asked."""

    publish: Publish
    port: int = 0
    parts: tuple[str, ...] = ("We are open from nine to five, ", "Monday to Friday. ", "Orders leave the same day.")
    links: list[dict[str, str]] = field(default_factory=lambda: LINKS)
    status: int = 200
    streams: bool = True
    gate: threading.Event = field(default_factory=threading.Event)
    """Between the first part and the rest."""
    asked: list[dict[str, str]] = field(default_factory=list)
    policy: str = ""
    script: str = ""

    @property
    def origin(self) -> str:
        """Where the endpoint is."""
        return f"http://answers.localhost:{self.port}"

    @property
    def site(self) -> str:
        """Where the other site is: another origin than all of Pitchbar's, and another host."""
        return f"http://127.0.0.1:{self.port}/"


@contextlib.contextmanager
def double(publish: Publish) -> Iterator[Double]:
    """Serve until the block ends."""
    made = Double(publish)
    server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *arguments: _Handler(made, *arguments))
    made.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.gate.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, made: Double, *arguments: Any) -> None:
        self._double = made
        super().__init__(*arguments)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """The other site's only page."""
        script = f'<script src="{self._double.script}" async></script>'
        page = (
            f"<!doctype html><html lang='en'><title>Shop</title><body><main><h1>Shop</h1></main>{script}</body></html>"
        )
        headers = {"content-type": "text/html; charset=utf-8", "content-security-policy": self._double.policy}
        self._send(200 if self.path == "/" else 404, page.encode(), headers)

    def do_OPTIONS(self) -> None:
        """What a browser asks before it posts JSON to another origin."""
        allowed = {"access-control-allow-methods": "POST", "access-control-allow-headers": "content-type"}
        self._send(204, b"", allowed)

    def do_POST(self) -> None:
        """Answer a question."""
        made = self._double
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        made.asked.append(body)
        if made.status != 200:
            self._send(made.status, json.dumps({"error": "No answer just now."}).encode())
            return
        whole = "".join(made.parts)
        if made.streams:
            self._stream(body["channel"], whole)
        self._send(200, json.dumps({"answer": whole, "links": made.links}).encode())

    def _stream(self, channel: str, whole: str) -> None:
        made = self._double
        made.publish(channel, "answer.started", {})
        for number, part in enumerate(made.parts):
            made.publish(channel, "answer.part", {"text": part})
            if number == 0:
                assert made.gate.wait(PATIENCE), "no test opened the gate"
        made.publish(channel, "answer.finished", {"text": whole, "links": made.links})

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        always = {"access-control-allow-origin": "*", "content-type": "application/json"}
        for name, value in {**always, **(headers or {}), "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
