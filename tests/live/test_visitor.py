"""From a site to its visitors' answers, in one environment: in a real browser, and for a whole documentation.

The chapters share the environment: run the file whole.
"""

import contextlib
import json
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from infra import pusher, toolchain
from infra.endpoints import Endpoint, http_get, http_post, url_endpoint
from infra.provider.local.layout import Layout
from infra.provider.local.postgres import administer
from tests.browser.conftest import SCREENSHOTS, Visit, browser, playwright, visit
from tests.support.processes import PATIENCE, wait_until
from tests.support.site import Site, served
from tests.support.stack import Stack, World

__all__ = ["browser", "playwright", "visit"]

QUESTION = "When does the shop close on Saturday?"
ANSWER = "On Saturday it closes at noon."
PAGES = {
    "/": "<title>Shop hours</title><main><h1>Opening hours</h1><p>The shop is open from nine to five on Monday to "
    f"Friday. {ANSWER}</p><p><a href='/returns'>Returns</a></p></main>",
    "/returns": "<title>Returns</title><main><h1>Returns</h1><p>You can return any article within thirty days with the "
    "receipt.</p></main>",
}


@pytest.fixture(scope="module")
def stack(world: World) -> Stack:
    stack = world.stack("visitor")
    stack.pitchbar("up", "--yes").must_succeed()
    return stack


@pytest.fixture(scope="module")
def outputs(stack: Stack) -> dict[str, Any]:
    return stack.outputs()


class Shop(BaseHTTPRequestHandler):
    """The site that is read, and on `/visit` one that has the widget, under a strict policy."""

    script = ""
    policy = ""

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer with a page."""
        visiting = self.path == "/visit"
        body = f"<h1>Shop</h1><script src='{self.script}' async></script>" if visiting else PAGES.get(self.path, "")
        self.send_response(200 if body else 404)
        self.send_header("content-type", "text/html; charset=utf-8")
        if visiting:
            self.send_header("content-security-policy", self.policy)
        self.end_headers()
        self.wfile.write(f"<!doctype html><html lang='en'>{body}</html>".encode())


@contextlib.contextmanager
def shop() -> Iterator[str]:
    """The address of the site while it is served."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_from_sign_in_to_answer(outputs: dict[str, Any], browser: Browser, visit: Visit) -> None:
    page = visit.page
    with shop() as site:
        page.goto(f"{outputs['app_url']}/admin")
        page.locator("input[type=password]").fill(outputs["admin_password"])
        page.keyboard.press("Enter")
        page.locator("input[name=url]").fill(f"{site}/")
        page.keyboard.press("Enter")
        row = page.get_by_role("row").filter(has_text=site)
        expect(row).to_be_visible()
        for _ in range(240):
            if "Ready" in row.inner_text():
                break
            page.wait_for_timeout(500)
            page.reload()
        expect(row).to_contain_text("2 of 2")
        if SCREENSHOTS:
            visit.picture("admin")

        cdn = "{0.scheme}://{0.netloc}".format(urlsplit(outputs["widget_url"]))
        Shop.script = outputs["widget_url"]
        Shop.policy = (
            f"default-src 'none'; script-src {cdn}; connect-src {cdn} {outputs['app_url']} {outputs['realtime_url']}"
        )
        parts: list[str] = []
        page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: parts.append(str(frame))))
        page.goto(f"{site}/visit")
        page.get_by_role("button", name="Ask a question").click()
        page.get_by_label("Your question").fill(QUESTION)
        page.keyboard.press("Enter")
        expect(page.locator(".answer")).to_contain_text(ANSWER)
        expect(page.get_by_role("link").first).to_have_attribute("href", f"{site}/")
        assert any("answer.part" in part for part in parts)
        assert not [said for said in visit.complaints if "favicon" not in said]
        visit.picture("visitor")


@pytest.fixture(scope="module")
def documentation() -> Iterator[Site]:
    folder = toolchain.recorded().get("documentation")
    assert folder, "There are no documentation pages. Type: make setup-dev"
    with served(Path(folder)) as site:
        yield site


@pytest.fixture(scope="module")
def app(outputs: dict[str, Any]) -> Endpoint:
    return url_endpoint(outputs["app_url"])


@pytest.fixture(scope="module")
def token(app: Endpoint, outputs: dict[str, Any]) -> str:
    made = http_post(
        app, "/api/v1/tokens", {"password": outputs["admin_password"], "name": "the tests"}, timeout=PATIENCE
    )
    assert made.status == 201, made.body
    return str(json.loads(made.body)["token"])


def test_a_whole_documentation_is_read(app: Endpoint, token: str, documentation: Site) -> None:
    added = http_post(
        app, "/api/v1/sources", {"url": documentation.url("/doc/index.html")}, timeout=PATIENCE, token=token
    )
    assert added.status == 201, added.body
    source: dict[str, Any] = json.loads(added.body)
    path = f"/api/v1/sources/{source['id']}"

    def read() -> bool:
        time.sleep(0.1)
        source.update(json.loads(http_get(app, path, timeout=PATIENCE, token=token).body))
        return source["status"] in ("ready", "failed")

    wait_until(read, "the documentation was read", seconds=5 * PATIENCE)
    assert (source["status"], source["error"]) == ("ready", None), source
    assert source["pages"]["done"] >= 100
    assert source["documents"] >= 100
    assert source["chunks"] > source["documents"]
    asked = {path for path in documentation.paths if path.startswith("/doc/")}
    dead = {path for path in asked if not documentation.has(path)}
    assert len(asked - dead) >= 100
    assert source["pages"]["failed"] == len(dead), "only the links that the documentation's authors broke lead nowhere"
    assert {urlsplit(problem["url"]).path for problem in source["problems"]} >= dead


@pytest.mark.parametrize(
    ("question", "page", "words"),
    [
        ("How do I reduce duplication in the package tree?", "cli/npm-dedupe", "simplify the overall structure"),
        ("Which packages count as extraneous?", "cli/npm-prune", "not listed on the parent package's dependencies"),
        ("How can I warn everybody who installs a version?", "cli/npm-deprecate", "a deprecation warning to all"),
        ("How can related packages be grouped?", "misc/npm-scope", "a way of grouping related packages together"),
        ("Where is a global install put?", "files/npm-folders", "puts stuff in /usr/local"),
    ],
)
def test_an_answer_arrives_over_the_websocket(
    app: Endpoint, outputs: dict[str, Any], documentation: Site, question: str, page: str, words: str
) -> None:
    realtime, channel = url_endpoint(outputs["realtime_url"]), f"visitor-{uuid.uuid4().hex}"
    deadline = time.monotonic() + PATIENCE
    with pusher.subscribed(realtime, outputs["realtime_key"], channel, PATIENCE) as connection:
        answered = http_post(app, "/api/v1/answers", {"question": question, "channel": channel}, timeout=PATIENCE)
        assert answered.status == 200, answered.body
        heard: list[tuple[str, Any]] = []
        while not heard or heard[-1][0] != "answer.finished":
            event = pusher.next_event(realtime, connection, deadline)
            assert event is not None, heard
            heard.append((event["event"], pusher.event_data(event)))
    [started, *parts, finished] = heard
    assert (started[0], started[1]["question"]) == ("answer.started", question)
    assert {name for name, _ in parts} == {"answer.part"}
    assert {data["id"] for _, data in heard} == {json.loads(answered.body)["id"]}
    text = "".join(data["text"] for _, data in parts)
    assert finished[1]["text"] == text == json.loads(answered.body)["answer"]
    assert words in text
    assert documentation.url(f"/doc/{page}.html") in [link["page"] for link in finished[1]["links"]]


def audit(stack: Stack, *options: str) -> tuple[int, dict[str, Any]]:
    done = stack.pitchbar("audit-vectors", "--json", *options)
    return done.code, json.loads(done.output[done.output.index("{") : done.output.rindex("}") + 1])


def test_vectors_that_drifted_are_found_and_repaired(stack: Stack) -> None:
    code, found = audit(stack)
    assert (code, found["clean"], found["stack"]) == (0, True, "visitor"), found
    assert found["chunks"] > 100
    layout = Layout(stack.directory)
    missing = administer(
        layout,
        "\\connect pitchbar\n"
        "DELETE FROM vectors WHERE chunk_id IN (SELECT min(id) FROM chunks) RETURNING chunk_id;"
        "INSERT INTO vectors SELECT 999999999, 'planted', embedding FROM vectors LIMIT 1;",
    )
    code, found = audit(stack)
    assert (code, found["missing"], found["orphaned"]) == (1, [int(missing)], [999999999]), found
    told = stack.pitchbar("audit-vectors")
    assert told.code == 1
    assert "1 have no vector and 0 an outdated one; 1 vectors belong to no chunk." in told.output
    code, found = audit(stack, "--repair")
    assert (code, found["repaired"], len(found["documents"])) == (0, True, 1), found
    wait_until(lambda: audit(stack)[0] == 0, "the document was indexed again", seconds=2 * PATIENCE)


def test_down_leaves_nothing(world: World, stack: Stack) -> None:
    stack.pitchbar("down", "--yes").must_succeed()
    assert world.processes() == []
