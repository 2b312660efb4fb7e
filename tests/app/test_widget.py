"""The widget's files as the web process serves them."""

from __future__ import annotations

import gzip
import hashlib
import re

import pytest

from tests.app.processes import APP, Launcher, Process

SCRIPT = "/widget/widget.js"
BUNDLE = (APP / "pitchbar_app" / "web" / "static" / "widget.js").read_bytes()
ID = hashlib.sha256(BUNDLE).hexdigest()[:16]


def test_under_its_hash_the_script_is_kept_for_ever(web: Process) -> None:
    answer = web.get(f"{SCRIPT}?id={ID}")
    assert (answer.status, answer.body) == (200, BUNDLE)
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("query", ["", "?id=", "?id=0123456789abcdef", f"?other={ID}"])
def test_without_its_hash_or_with_that_of_another_release_it_is_kept_for_a_short_time(web: Process, query: str) -> None:
    answer = web.get(SCRIPT + query)
    assert (answer.status, answer.body) == (200, BUNDLE)
    assert answer.headers["cache-control"] == "public, max-age=300"


def test_any_site_may_load_the_script(web: Process) -> None:
    headers = web.get(SCRIPT).headers
    assert headers["access-control-allow-origin"] == "*"
    assert headers["cross-origin-resource-policy"] == "cross-origin"
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip;q=1.0, br;q=0", "gzip"),
        ("GZIP", "gzip"),
        ("gzip;q=0.000, br; q=0.0", None),
        ("deflate", None),
        ("", None),
    ],
)
def test_the_script_comes_compressed_where_that_is_allowed(web: Process, accepted: str, encoding: str | None) -> None:
    answer = web.get(SCRIPT, {"Accept-Encoding": accepted})
    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["vary"] == "accept-encoding"
    assert int(answer.headers["content-length"]) == len(answer.body)
    if encoding == "gzip":
        assert gzip.decompress(answer.body) == BUNDLE
    elif encoding == "br":
        assert answer.body == (APP / "pitchbar_app" / "web" / "static" / "widget.js.br").read_bytes()
    else:
        assert answer.body == BUNDLE


@pytest.mark.parametrize("accepted", ["br", "gzip", ""])
def test_a_kept_script_is_not_sent_again(web: Process, accepted: str) -> None:
    first = web.get(SCRIPT, {"Accept-Encoding": accepted})
    known = {"Accept-Encoding": accepted, "If-None-Match": f'"other", W/{first.headers["etag"]}'}
    again = web.get(SCRIPT, known)
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert web.get(SCRIPT, known | {"Accept-Encoding": "deflate", "If-None-Match": '"other"'}).status == 200


def test_the_encodings_have_different_tags(web: Process) -> None:
    tags = {web.get(SCRIPT, {"Accept-Encoding": accepted}).headers["etag"] for accepted in ("br", "gzip", "")}
    assert len(tags) == 3


def test_the_configuration_says_where_to_ask_and_where_to_listen(web: Process) -> None:
    answer = web.get("/widget/config.json")
    assert answer.json == {
        "answers": "http://app.localhost:8000/api/v1/answers",
        "realtime": {"url": "ws://realtime.localhost:8000", "key": "public-key"},
        "release": "r-1",
    }
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "no-cache"


def test_with_tls_the_configuration_names_the_secure_addresses(app: Launcher) -> None:
    web = app.start("web", APP_URL="https://app.example.com/", REVERB_SCHEME="https", REVERB_PORT="443")
    found = web.get("/widget/config.json").json
    assert found["answers"] == "https://app.example.com/api/v1/answers"
    assert found["realtime"]["url"] == "wss://realtime.localhost"


def test_the_pages_load_the_script_under_its_hash(web: Process) -> None:
    for page in ("/", "/demo"):
        text = web.get(page).body.decode()
        assert re.findall(r"<script src=\"([^\"]+)\" async>", text) == [
            f"http://cdn.localhost:8000/widget/widget.js?id={ID}"
        ]


def test_the_address_may_be_the_host_alone(app: Launcher) -> None:
    web = app.start("web", WIDGET_URL="https://cdn.example.com")
    assert f'<script src="https://cdn.example.com/widget/widget.js?id={ID}" async>' in web.get("/").body.decode()


def test_the_demo_page_needs_no_database_and_shows_what_a_site_needs(app: Launcher) -> None:
    answer = app.start("web", DB_DATABASE="nothing_here").get("/demo")
    text = answer.body.decode()
    assert answer.status == 200
    assert '&lt;script src="http://cdn.localhost:8000/widget/widget.js" async&gt;' in text
    assert "script-src http://cdn.localhost:8000\n" in text
    assert "connect-src http://cdn.localhost:8000 http://app.localhost:8000 ws://realtime.localhost:8000" in text
    assert "script-src http://cdn.localhost:8000;" in answer.headers["content-security-policy"]
