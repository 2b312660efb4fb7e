"""Web requests over a unix socket, as the gateway sends them: the app's, and the framework's hello world."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

from bench.servers import Servers
from infra import toolchain
from infra.errors import UserError
from tests.app.api import Client
from tests.support.processes import wait_until
from tests.support.site import served

CONNECTIONS = 16
PAGES = 20_000
ANSWERS = 400
_QUESTIONS = (
    "How do I reduce duplication in the package tree?",
    "Which packages count as extraneous?",
    "How can I warn everybody who installs a version?",
    "Where is a global install put?",
)


def page(path: str) -> list[bytes]:
    """One kind of request."""
    return [f"GET {path} HTTP/1.1\r\nHost: app.localhost\r\n\r\n".encode()]


def questions() -> list[bytes]:
    """Visitors' questions."""
    bodies = [json.dumps({"question": question}).encode() for question in _QUESTIONS]
    head = b"POST /api/v1/answers HTTP/1.1\r\nHost: app.localhost\r\nContent-Type: application/json\r\n"
    return [head + b"Content-Length: %d\r\n\r\n" % len(body) + body for body in bodies]


@contextlib.contextmanager
def hello(servers: Servers) -> Iterator[Path]:
    """The socket of the hello world."""
    socket = servers.folder / "hello.sock"
    with servers.running("hello.py", str(socket)):
        wait_until(socket.exists, "the hello world listens", seconds=30)
        yield socket


@contextlib.contextmanager
def app(servers: Servers) -> Iterator[Path]:
    """The socket of the app, which has read a whole documentation."""
    process = servers.app.start("web", wait="/ready")
    _read_documentation(servers, Client(process))
    yield process.address


def timed(socket: Path, requests: list[bytes], count: int) -> float:
    """Seconds that so many requests take, over connections that stay open."""
    return asyncio.run(_timed(socket, requests, count))


def _read_documentation(servers: Servers, client: Client) -> None:
    folder = toolchain.recorded().get("documentation")
    if not folder:
        raise UserError("There are no documentation pages to answer from. Type: make setup-dev")
    worker = servers.app.start("worker")
    with served(Path(folder)) as site:
        source = client.add(site.url("/doc/index.html"))
        wait_until(lambda: client.source(source)["status"] == "ready", "the documentation is read", seconds=120)
    worker.stop()


async def _timed(socket: Path, requests: list[bytes], count: int) -> float:
    async def visitor(number: int) -> None:
        reader, writer = await asyncio.open_unix_connection(str(socket))
        for turn in range(number, count, CONNECTIONS):
            writer.write(requests[turn % len(requests)])
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise UserError(f"A request of the bench was answered {head.splitlines()[0].decode()}.")
            length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
            await reader.readexactly(int(length))
        writer.close()

    started = time.monotonic()
    await asyncio.gather(*(visitor(number) for number in range(CONNECTIONS)))
    return time.monotonic() - started
