"""From sign-in to answer in a real browser: an operator adds a site, a visitor of another site asks about it."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from playwright.sync_api import Browser, expect

from tests.browser.conftest import SCREENSHOTS, Visit, browser, playwright, visit
from tests.support.stack import World

__all__ = ["browser", "playwright", "visit"]

QUESTION = "When does the shop close on Saturday?"
ANSWER = "On Saturday it closes at noon."
PAGES = {
    "/": "<title>Shop hours</title><main><h1>Opening hours</h1><p>The shop is open from nine to five on Monday to "
    f"Friday. {ANSWER}</p><p><a href='/returns'>Returns</a></p></main>",
    "/returns": "<title>Returns</title><main><h1>Returns</h1><p>You can return any article within thirty days with the "
    "receipt.</p></main>",
}


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


def test_from_sign_in_to_answer(world: World, browser: Browser, visit: Visit) -> None:
    stack = world.stack("visitor")
    stack.pitchbar("up", "--yes").must_succeed()
    outputs = stack.outputs()
    page = visit.page
    with shop() as site:
        page.goto(f"{outputs['app_url']}/admin")
        page.locator("input[type=password]").fill(outputs["admin_password"])
        page.keyboard.press("Enter")
        page.locator("input[name=url]").fill(f"{site}/")
        page.keyboard.press("Enter")
        row = page.get_by_role("row").filter(has_text=site)
        expect(row).to_be_visible()
        for _ in range(60):
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
    stack.pitchbar("down", "--yes").must_succeed()
