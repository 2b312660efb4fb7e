"""Where a server is reached, and one request to it: over a unix socket or TCP, with a deadline, without proxies.

`*.localhost` names do not resolve everywhere, so they are connected to at 127.0.0.1; the name still goes into the Host
header and, with TLS, into the handshake.
"""

import contextlib
import http.client
import json
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from infra.errors import UserError

if TYPE_CHECKING:
    from websocket import WebSocket

_MAX_BODY = 4 * 1024 * 1024
_DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


class CheckFailed(UserError):
    """What was expected of a running server and what it did instead, in one sentence."""


@dataclass(frozen=True)
class Endpoint:
    """A server: how it is connected to (`socket`, or `address`:`port`) and what name it is asked for (`host`)."""

    host: str
    port: int
    address: str = ""
    socket: Path | None = None
    tls: bool = False
    ca: str | None = field(default=None, repr=False)
    """Certificates (PEM) to trust instead of the system's, for a gateway with its own authority."""


@dataclass(frozen=True)
class Response:
    """An HTTP answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def document(self) -> Mapping[str, Any]:
        """The body's JSON object; an empty one where it is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


def unix_endpoint(path: Path, host: str = "localhost") -> Endpoint:
    """A server that listens on a unix socket."""
    return Endpoint(host=host, port=80, socket=path)


def url_endpoint(url: str, ca: str | None = None) -> Endpoint:
    """The server of an http, https, ws or wss address."""
    parts = urlsplit(url)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise UserError(f"{url!r} is not an http, https, ws or wss address.")
    host = parts.hostname
    local = host == "localhost" or host.endswith(".localhost")
    return Endpoint(
        host=host,
        port=parts.port or _DEFAULT_PORTS[parts.scheme],
        address="127.0.0.1" if local else host,
        tls=parts.scheme in ("https", "wss"),
        ca=ca,
    )


def describe(endpoint: Endpoint, path: str = "", scheme: str = "http") -> str:
    """The endpoint as people know it: its address, or its socket."""
    if endpoint.socket:
        return f"{scheme}+unix:{endpoint.socket}{':' + path if path else ''}"
    secure = scheme + ("s" if endpoint.tls else "")
    return f"{secure}://{_authority(endpoint)}{path}"


def http_get(endpoint: Endpoint, path: str, *, timeout: float = 5.0, token: str | None = None) -> Response:
    """GET `path`; `token` is sent as a bearer token. Raises `CheckFailed` where there is no answer."""
    return _request(endpoint, "GET", path, None, timeout, token)


def http_post(
    endpoint: Endpoint, path: str, document: Mapping[str, Any], *, timeout: float = 5.0, token: str | None = None
) -> Response:
    """POST a JSON document to `path`, like `http_get`."""
    return _request(endpoint, "POST", path, document, timeout, token)


@contextlib.contextmanager
def websocket(endpoint: Endpoint, path: str, *, timeout: float = 5.0) -> Iterator["WebSocket"]:
    """An open WebSocket connection. Raises `CheckFailed` where the handshake fails; later errors are the caller's.

    The client must read and write in one thread: OpenSSL forbids two threads in one TLS session, and a client that
    reads in the background hung in 1 of 200 handshakes (with TLS 1.3 the server's session tickets come beside the
    request).
    """
    from websocket import (
        WebSocket,
        WebSocketBadStatusException,
        WebSocketException,
        WebSocketTimeoutException,
    )

    def refused(why: str) -> CheckFailed:
        where = describe(endpoint, path.partition("?")[0], "ws")
        return CheckFailed(f"{where} does not take WebSocket connections: {why}.")

    connection = WebSocket()
    scheme = "wss" if endpoint.tls else "ws"
    try:
        connection.connect(
            f"{scheme}://{_authority(endpoint)}{path}",
            socket=_connect(endpoint, timeout),
            timeout=timeout,
            redirect_limit=0,
            suppress_origin=True,
        )
    except WebSocketTimeoutException:
        raise refused(_reason(TimeoutError())) from None
    except WebSocketBadStatusException as error:
        raise refused(f"it answered {error.status_code} instead of 101") from None
    except (OSError, WebSocketException) as error:
        raise refused(_reason(error)) from None
    try:
        yield connection
    finally:
        with contextlib.suppress(OSError, WebSocketException):
            connection.close(timeout=1)


class _Connection(http.client.HTTPConnection):
    def __init__(self, endpoint: Endpoint, timeout: float) -> None:
        super().__init__(endpoint.host, endpoint.port, timeout=timeout)
        self._endpoint = endpoint

    def connect(self) -> None:
        self.sock = _connect(self._endpoint, self.timeout or 0)


def _request(
    endpoint: Endpoint, method: str, path: str, document: Mapping[str, Any] | None, timeout: float, token: str | None
) -> Response:
    headers = {"Host": _authority(endpoint), "Accept": "*/*", "User-Agent": "pitchbar", "Connection": "close"}
    if document is not None:
        headers["Content-Type"] = "application/json"
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    connection = _Connection(endpoint, timeout)
    deadline = time.monotonic() + timeout
    try:
        # A server may refuse a request (401) and close before it has read the body; its answer can still be read.
        with contextlib.suppress(BrokenPipeError):
            connection.request(method, path, json.dumps(document) if document is not None else None, headers)
        answer = connection.getresponse()
        body = _read(connection, answer, deadline)
        return Response(answer.status, {name.lower(): value for name, value in answer.getheaders()}, body)
    except (OSError, http.client.HTTPException) as error:
        raise CheckFailed(f"{method} {describe(endpoint, path)} got no answer: {_reason(error)}.") from None
    finally:
        connection.close()


def _read(connection: _Connection, answer: http.client.HTTPResponse, deadline: float) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while size < _MAX_BODY:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if connection.sock:
            connection.sock.settimeout(left)
        chunk = answer.read1(65536)
        if not chunk:
            break
        chunks.append(chunk)
        size += len(chunk)
    return b"".join(chunks)


def _connect(endpoint: Endpoint, timeout: float) -> socket.socket:
    deadline = time.monotonic() + timeout
    raw = _connect_plainly(endpoint, timeout)
    if not endpoint.tls:
        return raw
    try:
        raw.settimeout(max(0.01, deadline - time.monotonic()))
        return _tls_context(endpoint).wrap_socket(raw, server_hostname=endpoint.host)
    except BaseException:
        raw.close()
        raise


def _connect_plainly(endpoint: Endpoint, timeout: float) -> socket.socket:
    if not endpoint.socket:
        return socket.create_connection((endpoint.address or endpoint.host, endpoint.port), timeout)
    raw = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    raw.settimeout(timeout)
    try:
        raw.connect(str(endpoint.socket))
    except OSError:
        raw.close()
        raise
    return raw


def _tls_context(endpoint: Endpoint) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cadata=endpoint.ca)
    except ssl.SSLError:
        raise CheckFailed(f"The certificate authority given for {describe(endpoint)} is no PEM certificate.") from None


def _authority(endpoint: Endpoint) -> str:
    default = 443 if endpoint.tls else 80
    return endpoint.host if endpoint.port == default else f"{endpoint.host}:{endpoint.port}"


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, FileNotFoundError):
        return "its socket does not exist"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there"
    text = str(getattr(error, "strerror", None) or error).strip().rstrip(".")
    return text or type(error).__name__
