"""The API: who may use it, what it refuses, and that its description tells the truth."""

from __future__ import annotations

import json
import socket

import jsonschema
import pytest

from tests.app.api import NEW_KEY, Client
from tests.app.processes import SECRETS, Launcher, Process
from tests.app.website import page, website
from tests.support.processes import PATIENCE
from tests.support.services import Postgres, Redis

NAMES = ("/api/v1/sources", "/api/v1/sources/1", "/api/v1/tokens/0000000000000000")


@pytest.fixture
def web(app: Launcher, redis: Redis) -> Process:
    redis.execute("DEL", "pitchbar:limit:sign-in:all")
    return app.start("web", wait="/ready")


def test_nobody_gets_in_without_a_token(web: Process) -> None:
    client = Client(web)
    wrong = client.token[:-1] + ("A" if client.token[-1] != "A" else "B")
    for given in (
        {},
        *({"authorization": text} for text in ("", "Bearer", f"Bearer {wrong}", f"Basic {client.token}")),
    ):
        for method, path in (("GET", NAMES[0]), ("POST", NAMES[0]), ("GET", NAMES[1]), ("DELETE", NAMES[2])):
            answer = web.request(method, path, "{}", given)
            assert answer.status == 401 and answer.headers["www-authenticate"] == "Bearer"
    password = {"authorization": f"Bearer {SECRETS['ADMIN_PASSWORD']}"}
    assert web.get(NAMES[0], password).status == 401, "the password itself is no token"
    assert client.send("GET", NAMES[0]).status == 200


def test_a_token_is_kept_encrypted_and_can_be_taken_back(app: Launcher, web: Process, postgres: Postgres) -> None:
    client = Client(web)
    kept = postgres.execute("SELECT name, value FROM app_settings", app.environment["DB_DATABASE"])
    name, _, value = kept.partition("|")
    assert client.token.split("_")[2] not in kept and value.startswith("eyJpdiI6")
    rotated = app.start("web", wait="/ready", APP_KEY=NEW_KEY, APP_PREVIOUS_KEYS=SECRETS["APP_KEY"])
    assert rotated.get(NAMES[0], client.headers).status == 200, "the previous key still opens it"
    lost = app.start("web", wait="/ready", APP_KEY=NEW_KEY)
    assert lost.get(NAMES[0], client.headers).status == 401
    failed = app.run("renew-settings", APP_KEY=NEW_KEY)
    assert failed.returncode == 1 and "add that one to APP_PREVIOUS_KEYS" in failed.stderr
    for count in (1, 0):
        done = app.run("renew-settings", APP_KEY=NEW_KEY, APP_PREVIOUS_KEYS=SECRETS["APP_KEY"])
        assert (done.returncode, json.loads(done.stdout)) == (0, {"renewed": count})
    assert lost.get(NAMES[0], client.headers).status == 200, "now the new key is enough"
    path = f"/api/v1/tokens/{name.removeprefix('api_token.')}"
    assert lost.request("DELETE", path, headers=client.headers).status == 204
    assert lost.get(NAMES[0], client.headers).status == 401


def test_guessing_the_password_is_slowed_down(web: Process, redis: Redis) -> None:
    body, them = json.dumps({"password": "guess", "name": "x"}), {"x-forwarded-for": "203.0.113.9"}
    statuses = [web.request("POST", "/api/v1/tokens", body, them).status for _ in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    assert Client(web).token, "someone else is not locked out"


REFUSALS = (
    ("{", 400, "The body is not JSON."),
    ("[" * 5000, 400, "The body is not JSON."),
    ("[]", 400, "The body is not a JSON object."),
    ("x" * 10_001, 413, "The body is longer than 10000 bytes."),
    (
        '{"url": "http://a.example/", "depth": 1}',
        422,
        "`depth` is no field of this; it has url, max_pages, max_depth.",
    ),
    ('{"url": ["a"]}', 422, "`url` must be a text of 1 to 2000 characters."),
    ('{"url": "http://a.example/\\u0000"}', 422, "`url` must be a text of 1 to 2000 characters."),
    ('{"url": "http://a.example/\\ud800"}', 422, "`url` must be a text of 1 to 2000 characters."),
    ('{"url": "http://a.example/", "max_pages": 1e3}', 422, "`max_pages` must be a whole number from 1 to 200."),
    ('{"url": "http://a.example/", "max_depth": true}', 422, "`max_depth` must be a whole number from 0 to 5."),
    (
        '{"url": "http://me:secret@a.example/"}',
        422,
        "`url`: The address has a user name or password in it; take it out.",
    ),
)


def test_what_is_not_right_is_refused_with_a_sentence(web: Process) -> None:
    headers = Client(web).headers
    for body, status, sentence in REFUSALS:
        answer = web.request("POST", "/api/v1/sources", body, headers)
        assert (answer.status, answer.json) == (status, {"error": sentence}), body


def test_ids_that_nothing_has(web: Process) -> None:
    client = Client(web)
    for given in ("0", "-1", "999999999", "9" * 30, "x", "1.5", "%00", "%D9%A3"):
        path = f"/api/v1/sources/{given}"
        assert client.send("GET", path).status == client.send("DELETE", path).status == 404


def test_a_source_is_there_once_and_goes_with_everything(app: Launcher, web: Process, postgres: Postgres) -> None:
    app.start("worker")
    client = Client(web)
    with website({"/": page("Home", "A text about otters.")}) as site:
        source = client.add(site.url())
        again = client.send("POST", "/api/v1/sources", {"url": site.url() + "#part"})
        assert (again.status, again.json) == (409, {"error": "This address is a source already."})
        client.wait_for(source, "ready")
    assert client.ask("otters?")["found"]
    assert client.send("DELETE", f"/api/v1/sources/{source}").status == 204
    assert client.send("GET", f"/api/v1/sources/{source}").status == 404
    assert client.ask("otters?") | {"id": ""} == {
        "id": "",
        "question": "otters?",
        "answer": "I found nothing about that on the pages I know.",
        "found": False,
        "links": [],
        "parts": [],
    }
    counts = "SELECT (SELECT count(*) FROM chunks) + (SELECT count(*) FROM vectors) + (SELECT count(*) FROM pages)"
    assert postgres.execute(counts, app.environment["DB_DATABASE"]) == "0"


def test_any_site_may_ask_but_not_too_often(app: Launcher) -> None:
    web = app.start("web", wait="/ready", ANSWERS_PER_MINUTE="2")
    them = {"origin": "https://shop.example", "x-forwarded-for": "203.0.113.77"}
    wish = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    preflight = web.request("OPTIONS", "/api/v1/answers", headers=them | wish)
    assert preflight.status == 200 and preflight.headers["access-control-allow-origin"] == "*"
    answers = [web.request("POST", "/api/v1/answers", '{"question": "Why?"}', them) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert {answer.headers.get("access-control-allow-origin") for answer in answers} == {"*"}
    assert web.get("/api/v1/sources", them).headers.get("access-control-allow-origin") is None


def test_answers_go_to_public_channels_only(web: Process) -> None:
    for channel in ("private-a", "presence-a", "a b", "", "é", 7, "a" * 201):
        body = json.dumps({"question": "Why?", "channel": channel})
        assert web.request("POST", "/api/v1/answers", body).status == 422, channel


def test_questions_of_every_kind_are_answered(web: Process) -> None:
    for question in (
        "' OR 1=1 --",
        "a & b | !c <-> 'd':*",
        "\\",
        "%s %(x)s",
        "?",
        "🦦",
        "the of and",
        "x" * 500,
        "\u202e",
    ):
        answer = web.request("POST", "/api/v1/answers", json.dumps({"question": question}))
        assert answer.status == 200, (question, answer.body)


def test_without_queue_or_database_it_says_so(app: Launcher, web: Process, redis: Redis) -> None:
    client = Client(web)
    redis.stop()
    try:
        answer = client.send("POST", "/api/v1/answers", {"question": "Why?"})
        added = client.send("POST", "/api/v1/sources", {"url": "http://a.example/"})
    finally:
        redis.start()
    assert answer.status == added.status == 503
    assert "its database or its queue does not answer" in answer.json["error"]
    assert client.send("GET", "/api/v1/sources").json == {"sources": []}, "what could not be sent is not kept"


def test_the_description_tells_the_truth(app: Launcher, web: Process) -> None:
    app.start("worker")
    description = web.get("/api/openapi.json").json
    assert description["openapi"] == "3.1.0"
    assert sorted(description["paths"]) == sorted(
        ["/api/v1/answers", "/api/v1/sources", "/api/v1/sources/{id}", "/api/v1/tokens", "/api/v1/tokens/{id}"]
    )
    client = Client(web)
    with website({"/": page("Home", "A text about otters."), "/b": page("B", "Another text.")}) as site:
        source = client.add(site.url())
        client.wait_for(source)
    examples = [
        ("get", "/api/v1/sources", "/api/v1/sources", None),
        ("get", "/api/v1/sources/{id}", f"/api/v1/sources/{source}", None),
        ("get", "/api/v1/sources/{id}", "/api/v1/sources/77777", None),
        ("post", "/api/v1/answers", "/api/v1/answers", {"question": "Otters?", "channel": None}),
        ("post", "/api/v1/answers", "/api/v1/answers", {"question": ""}),
        ("post", "/api/v1/sources", "/api/v1/sources", {"url": "http://127.0.0.1:9/"}),
        ("post", "/api/v1/sources", "/api/v1/sources", {"url": "?"}),
        ("post", "/api/v1/tokens", "/api/v1/tokens", {"password": "x", "name": "y"}),
    ]
    for method, template, path, body in examples:
        answer = client.send(method.upper(), path, body)
        response = description["paths"][template][method]["responses"][str(answer.status)]
        schema = {**response["content"]["application/json"]["schema"], "components": description["components"]}
        jsonschema.validate(answer.json, schema)


def test_a_refusal_waits_for_the_rest_of_the_request(web: Process) -> None:
    """A gateway that is still sending the body when the answer comes gives up the connection and says 502."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(web.address))
        connection.settimeout(0.3)
        connection.sendall(b"POST /api/v1/sources HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{")
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.sendall(b"}")
        connection.settimeout(PATIENCE)
        answer = b""
        while not answer.endswith(b"}"):
            answer += connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 401 ")
        connection.sendall(b"GET /up HTTP/1.1\r\nHost: a\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 "), "the connection is still good"
