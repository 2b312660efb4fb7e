"""Fetches one address over HTTP: bounded in time and size, pinned to the network address that was checked."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from urllib.parse import urlsplit

from pitchbar_app.crawl import outcome, urls
from pitchbar_app.crawl.addresses import resolve
from pitchbar_app.crawl.options import AGENT
from pitchbar_app.crawl.outcome import CrawlFailure, LeftSite, Passing, Permanent

LARGEST = 2 * 1024 * 1024
MOST_REDIRECTS = 5
SILENCE = 15.0
DEADLINE = 60.0
REDIRECTS = frozenset({301, 302, 303, 307, 308})
PACKED = frozenset({"gzip", "x-gzip"})
HEADERS = {
    "User-Agent": f"Mozilla/5.0 (compatible; {AGENT}/1.0)",
    "Accept": "text/html,application/xhtml+xml,*/*;q=0.5",
    "Accept-Encoding": "gzip",
    "Connection": "close",
}


@dataclass(frozen=True)
class Response:
    """What an address answered with; `url` is where the redirects ended."""

    url: str
    status: int
    content_type: str
    body: bytes
    robots_headers: tuple[str, ...] = ()

    @property
    def is_html(self) -> bool:
        """Whether it is a page; a server that does not say is believed to mean one."""
        kind = self.content_type.partition(";")[0].strip().lower()
        return kind in ("", "text/html", "application/xhtml+xml")


@dataclass(frozen=True)
class Bounds:
    """How much of a body is read: so many bytes after unpacking, until this moment of the monotonic clock. What is
    longer is refused, or cut off."""

    limit: int
    deadline: float
    cut: bool


def fetch(
    url: str,
    *,
    guarded: bool,
    stay_on: str | None = None,
    limit: int = LARGEST,
    cut: bool = False,
    html_only: bool = False,
    patience: float = DEADLINE,
) -> Response:
    """Follow redirects to the page; every refusal is a `CrawlFailure`.

    `stay_on` is the only host to go to. A body longer than `limit` is refused, with `cut` cut off there. With
    `html_only` the body of anything but a page is left unread. `patience`: seconds for it with all its redirects.
    """
    bounds = Bounds(limit, time.monotonic() + patience, cut)
    for _ in range(MOST_REDIRECTS + 1):
        response, location = _ask(url, guarded, bounds, html_only)
        if location is None:
            if 200 <= response.status < 300:
                return response
            raise outcome.refuse(response.status, urls.host_of(url))
        try:
            url = urls.normalise(_as_utf8(location), url)
        except urls.Malformed as error:
            raise Permanent("The page sends its visitors to something that is not an address.") from error
        if stay_on is not None and urls.host_of(url) != stay_on:
            raise LeftSite(url)
    raise Permanent(f"The page sends its visitors on more than {MOST_REDIRECTS} times.")


class _Plain(http.client.HTTPConnection):
    """A connection to an address that was checked, whatever the name says by now."""

    addresses: Sequence[str] = ()

    def connect(self) -> None:
        """Connect to the first of the checked addresses where something answers."""
        *others, last = self.addresses
        for address in others:
            with contextlib.suppress(OSError):
                self.sock = socket.create_connection((address, self.port), self.timeout)
                return
        self.sock = socket.create_connection((last, self.port), self.timeout)


class _Encrypted(_Plain):
    """The same with TLS; the certificate must be the name's."""

    default_port = 443

    def connect(self) -> None:
        """Connect to the checked address and prove the name."""
        super().connect()
        self.sock = _tls().wrap_socket(self.sock, server_hostname=self.host.strip("[]"))


def _ask(url: str, guarded: bool, bounds: Bounds, html_only: bool) -> tuple[Response, str | None]:
    parts = urlsplit(url)
    host, encrypted = parts.hostname or "", parts.scheme == "https"
    left = max(bounds.deadline - time.monotonic(), 0.1)
    port = parts.port or (443 if encrypted else 80)
    connection = (_Encrypted if encrypted else _Plain)(host, port, timeout=min(SILENCE, left))
    connection.addresses = resolve(host, port, guarded=guarded)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("GET", target, headers={**HEADERS, "Host": parts.netloc})
        answer = connection.getresponse()
        location = answer.headers.get("location") if answer.status in REDIRECTS else None
        headers = answer.headers
        wishes = tuple(headers.get_all("x-robots-tag", ()))
        response = Response(url, answer.status, headers.get("content-type", ""), b"", wishes)
        if 200 <= answer.status < 300 and (response.is_html or not html_only):
            response = replace(response, body=_read(answer, bounds))
        return response, location
    except CrawlFailure:
        raise
    except ConnectionRefusedError as error:
        raise Permanent(f"{parts.netloc} refuses connections: no web server answers there.") from error
    except TimeoutError as error:
        raise Passing(f"{parts.netloc} did not answer in time. Try again later.") from error
    except ssl.SSLError as error:
        raise Passing(f"No secure connection to {parts.netloc} could be made: its certificate is not right.") from error
    except (OSError, http.client.HTTPException, zlib.error) as error:
        raise Passing(f"The connection to {parts.netloc} broke off. Try again later.") from error
    finally:
        connection.close()


def _read(answer: http.client.HTTPResponse, bounds: Bounds) -> bytes:
    """The body, unpacked while it comes, so that a small one cannot unfold into a huge one; whole, or refused."""
    encoding = answer.headers.get("content-encoding", "").lower().strip()
    if encoding not in ("", "identity", *PACKED):
        raise Permanent(f"The page comes packed in a way that Pitchbar cannot unpack ({encoding[:50]}).")
    unpack = zlib.decompressobj(wbits=31) if encoding in PACKED else None
    expected, received, body = answer.length, 0, bytearray()
    while part := answer.read1(65536):
        received += len(part)
        body += unpack.decompress(part, bounds.limit + 1 - len(body)) if unpack else part
        if len(body) > bounds.limit:
            if bounds.cut:
                return bytes(body[: bounds.limit])
            raise Permanent(f"The page is larger than {bounds.limit // 1024 // 1024} MB.")
        if time.monotonic() > bounds.deadline:
            raise TimeoutError
    if received < (expected or 0) or (received and unpack and not unpack.eof):
        raise http.client.IncompleteRead(b"")
    return bytes(body)


def _as_utf8(location: str) -> str:
    """What a server means that sends letters beyond ASCII in this header: UTF-8, as browsers take it."""
    try:
        return location.encode("latin-1").decode()
    except UnicodeError:
        return location


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
