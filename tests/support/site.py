"""A folder of pages as a site on loopback, which remembers what was asked for."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Site(ThreadingHTTPServer):
    """The server; ``paths`` are those that were asked for, in order."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
        self.paths: list[str] = []
        self._folder = folder

    def url(self, path: str) -> str:
        """The address of a path."""
        return f"http://127.0.0.1:{self.server_port}{path}"

    def has(self, path: str) -> bool:
        """Whether there is a page of this path."""
        return (self._folder / path.lstrip("/")).is_file()


class _Handler(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        """Answer with the file."""
        assert isinstance(self.server, Site)
        self.server.paths.append(self.path)
        super().do_GET()

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def served(folder: Path) -> Iterator[Site]:
    """The site until the block ends."""
    site = Site(folder)
    thread = threading.Thread(target=site.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.shutdown()
        site.server_close()
        thread.join()
