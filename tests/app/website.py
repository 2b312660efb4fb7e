"""A small site on loopback that does what a test tells it to, also what a site should not do."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Reply:
    """One response of the site."""

    body: str | bytes = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    trickle: bool = False
    """Send the body a byte at a time, without an end."""
    hang_up: bool = False
    """Close the connection without an answer."""


Page = str | Reply | Callable[[int], Reply]
"""A page's HTML, its reply, or what to reply to the n-th visit."""


class Website:
    """The pages of a site by path, and who asked for what when."""

    def __init__(self, address: str, pages: dict[str, Page]) -> None:
        self.address = address
        self.pages = pages
        self.visits: list[tuple[float, str, str]] = []
        self._lock = threading.Lock()

    def url(self, path: str = "/") -> str:
        """The address of a path."""
        return f"{self.address}{path}"

    def times(self, path: str) -> list[float]:
        """When a path was asked for."""
        return [moment for moment, visited, _ in self.visits if visited == path]

    def reply(self, path: str, host: str) -> Reply:
        """What to answer, and remember who asked."""
        with self._lock:
            self.visits.append((time.monotonic(), path, host))
            number = len(self.times(path))
        page = self.pages.get(path)
        if page is None:
            return Reply("<h1>Not here</h1>", 404)
        if isinstance(page, str):
            return Reply(page)
        return page if isinstance(page, Reply) else page(number)


@contextlib.contextmanager
def website(pages: dict[str, Page] | None = None) -> Iterator[Website]:
    """A site that serves these pages until the block ends."""
    site = Website("", dict(pages or {}))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reply = site.reply(self.path, self.headers.get("Host", ""))
            if reply.hang_up:
                return
            body = reply.body.encode() if isinstance(reply.body, str) else reply.body
            headers = {"Content-Type": HTML, **reply.headers}
            self.send_response(reply.status)
            for name, value in headers.items():
                self.send_header(name, value)
            if not reply.trickle:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(body)
                while reply.trickle:
                    self.wfile.write(b" ")
                    time.sleep(0.05)

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site.address = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()


def page(title: str, text: str, *links: str) -> str:
    """A page of HTML with some text and links."""
    anchors = "".join(f'<a href="{link}">{link}</a> ' for link in links)
    return f"<!doctype html><title>{title}</title><main><h1>{title}</h1><p>{text}</p>{anchors}</main>"
