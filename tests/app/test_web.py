"""The web process: health, page, widget, internal API."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import socket
import time
from collections.abc import Iterator

import pytest

from tests.app.processes import SECRETS, TOKEN, Launcher, Process, UnixConnection
from tests.app.pusher_protocol import read_until
from tests.support.processes import PATIENCE
from tests.support.services import Postgres

CANARY = "/api/v1/internal/canary"
BAD_CHANNEL = "`channel` must be a string that matches [A-Za-z0-9_\\-=@,.;]{1,200}"


def test_up_says_which_release_answers(web: Process) -> None:
    answer = web.get("/up")
    assert (answer.status, answer.json) == (200, {"status": "up", "release": "r-1", "process": "app"})
    assert answer.headers["cache-control"] == "no-store"


def test_ready_names_every_check(web: Process) -> None:
    answer = web.get("/ready")
    checks = {"database": "ok", "redis": "ok", "migrations": "ok"}
    assert answer.status == 200
    assert answer.json == {"status": "ready", "release": "r-1", "process": "app", "checks": checks}


def test_page_shows_the_environment_and_counts_sources(app: Launcher, postgres: Postgres, database: str) -> None:
    web = app.start("web", wait="/ready")
    postgres.execute("INSERT INTO sources (url) VALUES ('https://a.example'), ('https://b.example')", database)
    answer = web.get("/")
    text = answer.body.decode()
    assert answer.status == 200
    assert "<dt>Environment</dt><dd>local</dd>" in text
    assert "<dt>Release</dt><dd><code>r-1</code></dd>" in text
    assert "<dt>Sources</dt><dd>2</dd>" in text
    assert "prefers-color-scheme: dark" in text and '<html lang="en">' in text


def test_page_allows_itself_only_what_it_needs(web: Process) -> None:
    answer = web.get("/")
    style = re.search(r"<style>(.*?)</style>", answer.body.decode(), re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert answer.headers["content-security-policy"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; script-src http://cdn.localhost:8000; "
        "connect-src http://cdn.localhost:8000 http://app.localhost:8000 ws://realtime.localhost:8000; "
        "img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_page_escapes_what_it_shows(app: Launcher) -> None:
    web = app.start("web", WIDGET_URL="http://cdn.localhost/w.js?a=1&b=2")
    assert '<script src="http://cdn.localhost/w.js?a=1&amp;b=2&amp;id=' in web.get("/").body.decode()


def test_page_without_a_database_says_so(app: Launcher, postgres: Postgres) -> None:
    web = app.start("web", DB_DATABASE="nothing_here")
    answer = web.get("/")
    assert answer.status == 503
    assert "<dd>not available: the database does not answer</dd>" in answer.body.decode()
    assert "WARNING app pitchbar_app.web.pages: The sources could not be counted: " in web.output


def test_page_leads_to_the_admin_page(web: Process) -> None:
    link = re.search(r'<a href="([^"]+)">Add sources and try questions</a>', web.get("/").body.decode())
    assert link is not None
    assert web.get(link[1]).status == 200


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer wrong",
        f"Basic {SECRETS['INTERNAL_QUEUE_TOKEN']}",
        f"Bearer {SECRETS['INTERNAL_QUEUE_TOKEN']}x",
        f"Bearer {SECRETS['ADMIN_PASSWORD']}",
        "Bearer ÿþ",
    ],
)
@pytest.mark.parametrize(("method", "path"), [("POST", CANARY), ("GET", f"{CANARY}/any")])
def test_internal_api_refuses_without_the_token(web: Process, method: str, path: str, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header.encode("latin-1").decode("latin-1")}
    answer = web.request(method, path, '{"queue": "canary-1", "channel": "c"}', headers)
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json == {
        "error": "This needs the header `Authorization: Bearer` with the value of INTERNAL_QUEUE_TOKEN."
    }


def test_internal_api_takes_the_previous_token_during_a_rotation(app: Launcher) -> None:
    previous = {"Authorization": f"Bearer {SECRETS['INTERNAL_QUEUE_TOKEN_PREVIOUS']}"}
    rotating = app.start("web", wait="/ready")
    assert rotating.get(f"{CANARY}/none", previous).status == 404
    retired = app.start("web", wait="/ready", INTERNAL_QUEUE_TOKEN_PREVIOUS="")
    assert retired.get(f"{CANARY}/none", previous).status == 401
    assert retired.get(f"{CANARY}/none", {"Authorization": "Bearer "}).status == 401


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ("", 400, "The body is not JSON."),
        ("[1]", 400, "The body is not a JSON object."),
        ('{"channel": "c"}', 422, "`queue` must be a string that matches [A-Za-z0-9][A-Za-z0-9._:-]{0,99}"),
        ('{"queue": "q"}', 422, BAD_CHANNEL),
        ('{"queue": "q", "channel": "a b"}', 422, BAD_CHANNEL),
        (json.dumps({"queue": "q" * 11_000}), 413, "The body is longer than 10000 bytes."),
    ],
)
def test_canary_refuses_a_malformed_order(web: Process, body: str, status: int, error: str) -> None:
    answer = web.request("POST", CANARY, body, TOKEN)
    assert (answer.status, answer.json) == (status, {"error": error})


def test_unknown_canary_and_unknown_page_are_not_found(web: Process) -> None:
    answer = web.get(f"{CANARY}/0123", TOKEN)
    assert answer.status == 404
    assert answer.json == {"error": "There is no canary of this id; they are kept for five minutes."}
    assert web.get("/nothing").json == {"error": "Not Found"}
    assert web.request("DELETE", "/up").status == 405


def test_sigterm_finishes_the_request_in_flight_and_closes_idle_connections(app: Launcher) -> None:
    web = app.start("web", wait="/ready", STOP_TIMEOUT="3600")
    idle = UnixConnection(web.address)
    idle.request("GET", "/up")
    assert idle.getresponse().read()
    body = b'{"queue": "canary-1", "channel": "c"}'
    with _order(web, body[:10], len(body)) as slow:
        web.popen.terminate()
        assert idle.sock.recv(1) == b""
        time.sleep(0.5)
        assert web.popen.poll() is None
        slow.sendall(body[10:])
        answer = b"".join(iter(lambda: slow.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 202 Accepted")
    assert web.popen.wait(PATIENCE) == 0
    assert not web.address.exists()


def test_sigterm_ends_a_request_that_takes_longer_than_the_stop_timeout(app: Launcher) -> None:
    web = app.start("web", wait="/ready", STOP_TIMEOUT="1")
    with _order(web, b"{", 100):
        status, seconds = web.stop()
    assert status == 0
    assert seconds >= 1


def test_idle_web_stops_at_once(app: Launcher) -> None:
    assert app.start("web", wait="/ready", STOP_TIMEOUT="3600").stop()[0] == 0


@contextlib.contextmanager
def _order(web: Process, beginning: bytes, length: int) -> Iterator[socket.socket]:
    """A connection that has sent the beginning of a canary's order, which the app is reading."""
    with socket.socket(socket.AF_UNIX) as slow:
        slow.settimeout(PATIENCE)
        slow.connect(str(web.address))
        head = (
            f"POST {CANARY} HTTP/1.1\r\nHost: x\r\nAuthorization: {TOKEN['Authorization']}\r\nExpect: 100-continue\r\n"
        )
        slow.sendall(f"{head}Content-Length: {length}\r\n\r\n".encode() + beginning)
        assert read_until(slow, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        yield slow
