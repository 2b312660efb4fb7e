"""The widget in a real browser: what a visitor sees, hears and types."""

from __future__ import annotations

import re
import time

from playwright.sync_api import Page, expect

from tests.app.processes import APP
from tests.browser.conftest import Stage, Visit
from tests.support.answers_double import Double
from tests.support.processes import PATIENCE

QUESTION = "When are you open?"
ANSWER = "We are open from nine to five, Monday to Friday. Orders leave the same day."
UNREACHABLE = "Pitchbar can't be reached just now. Please try again in a moment."
FOCUSED = """() => {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return element.getAttribute("aria-label") ?? (element.id || element.textContent);
}"""


def opened(page: Page, address: str) -> None:
    """Go to a page and open the widget with the mouse."""
    page.goto(address)
    page.get_by_role("button", name="Ask a question").click()


def ask(page: Page, question: str = QUESTION) -> None:
    """Type a question and send it."""
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")


def test_the_front_page_has_the_widget(stage: Stage, visit: Visit, scheme: str) -> None:
    visit.page.goto(stage.pages)
    expect(visit.page.get_by_role("button", name="Ask a question")).to_be_visible()
    visit.picture(f"page-{scheme}")
    assert visit.complaints == []


def test_an_answer_arrives_part_by_part(stage: Stage, answers: Double, visit: Visit) -> None:
    answers.gate.clear()
    page = visit.page
    opened(page, f"{stage.pages}/demo")
    ask(page)
    answer = page.locator(".answer")
    expect(answer).to_have_text("We are open from nine to five, ")
    expect(answer).to_have_attribute("aria-busy", "true")
    answers.gate.set()
    expect(answer).to_have_text(ANSWER)
    expect(answer).to_have_attribute("aria-busy", "false")
    assert answers.asked[0]["question"] == QUESTION
    assert re.fullmatch(r"answers-[0-9a-f]{32}", answers.asked[0]["channel"])
    assert visit.complaints == []


def test_everything_can_be_done_by_keyboard(stage: Stage, answers: Double, visit: Visit, scheme: str) -> None:
    page = visit.page
    page.goto(f"{stage.pages}/demo")
    expect(page.get_by_role("button", name="Ask a question")).to_be_visible()
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED) == "Ask a question"
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Ask a question")).to_be_visible()
    assert page.evaluate(FOCUSED) == "question"
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link")).to_have_text(["Opening hours", "Delivery"])
    visit.picture(f"widget-{scheme}")

    stops = []
    for _ in range(6):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(FOCUSED))
    assert stops == ["Send", "Close", "Questions and answers", "Opening hours", "Delivery", "question"]
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate(FOCUSED) == "Send"

    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert page.evaluate(FOCUSED) == "Ask a question"
    page.keyboard.press("Enter")
    expect(page.get_by_role("link")).to_have_text(["Opening hours", "Delivery"])
    assert visit.complaints == []


def test_it_is_accessible(stage: Stage, answers: Double, visit: Visit, scheme: str) -> None:
    axe = (APP / "widget" / "node_modules" / "axe-core" / "axe.min.js").read_text()
    run = "async () => (await axe.run()).violations.map((found) => `${found.id}: ${found.nodes[0].html}`)"
    visit.page.emulate_media(reduced_motion="reduce")  # What is half faded in has no contrast yet.
    visit.page.goto(f"{stage.pages}/demo")
    visit.page.evaluate(axe)
    assert visit.page.evaluate(run) == []
    visit.page.get_by_role("button", name="Ask a question").click()
    ask(visit.page)
    expect(visit.page.get_by_role("link").first).to_be_visible()
    assert visit.page.evaluate(run) == []


def test_it_works_on_a_site_with_a_strict_policy(stage: Stage, answers: Double, visit: Visit) -> None:
    origins = [stage.script.partition("/widget")[0], answers.origin, f"ws://realtime.localhost:{stage.realtime.port}"]
    answers.script = stage.script
    answers.policy = (
        f"default-src 'none'; script-src {origins[0]}; connect-src {' '.join(origins)}; style-src 'none'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types"
    )
    opened(visit.page, answers.site)
    panel = visit.page.get_by_role("dialog")
    assert panel.evaluate("(panel) => getComputedStyle(panel).display") == "flex"
    ask(visit.page)
    expect(visit.page.locator(".answer")).to_have_text(ANSWER)
    assert visit.complaints == []


def test_text_is_text_and_only_web_pages_are_linked(stage: Stage, answers: Double, visit: Visit) -> None:
    attack = "<img src=x onerror=alert(1)><b>bold</b>"
    answers.parts = (attack,)
    answers.links = [
        {"title": attack, "url": "https://shop.example/a"},
        {"title": "trap", "url": "javascript:alert(1)"},
        {"title": "trap", "url": "data:text/html,<script>alert(1)</script>"},
        {"title": "", "url": "https://shop.example/untitled"},
        {"title": "trap", "url": "no address"},
    ]
    opened(visit.page, f"{stage.pages}/demo")
    ask(visit.page, attack)
    links = visit.page.get_by_role("link")
    expect(links).to_have_text([attack, "shop.example/untitled"])
    expect(visit.page.locator(".answer")).to_have_text(attack)
    expect(visit.page.locator(".question")).to_contain_text(attack)
    assert visit.page.locator("pitchbar-widget img, pitchbar-widget b").count() == 0
    assert links.first.get_attribute("rel") == "noopener" and links.first.get_attribute("target") == "_blank"


def test_without_the_realtime_server_the_response_is_shown(stage: Stage, answers: Double, visit: Visit) -> None:
    visit.page.route_web_socket(re.compile("realtime"), lambda socket: socket.close(code=1013))
    opened(visit.page, f"{stage.pages}/demo")
    ask(visit.page)
    expect(visit.page.locator(".answer")).to_have_text(ANSWER)
    expect(visit.page.get_by_role("link")).to_have_count(2)


def test_a_stream_that_breaks_off_is_completed_by_the_response(stage: Stage, answers: Double, visit: Visit) -> None:
    answers.gate.clear()
    opened(visit.page, f"{stage.pages}/demo")
    ask(visit.page)
    expect(visit.page.locator(".answer")).to_have_text(answers.parts[0])
    stage.realtime.kill()
    try:
        answers.gate.set()
        expect(visit.page.locator(".answer")).to_have_text(ANSWER)
    finally:
        stage.realtime.start()


def test_it_comes_back_when_the_server_asks_for_it(stage: Stage, answers: Double, visit: Visit) -> None:
    greetings = greeted(visit.page)
    opened(visit.page, f"{stage.pages}/demo")
    wait_for(visit.page, greetings, 1)
    stage.realtime.stop()
    stage.realtime.start()
    wait_for(visit.page, greetings, 2)
    streams(answers, visit.page)


def test_it_comes_back_after_a_crash(stage: Stage, answers: Double, visit: Visit) -> None:
    greetings = greeted(visit.page)
    opened(visit.page, f"{stage.pages}/demo")
    wait_for(visit.page, greetings, 1)
    stage.realtime.kill()
    stage.realtime.start()
    wait_for(visit.page, greetings, 2)
    streams(answers, visit.page)


def greeted(page: Page) -> list[float]:
    """When the realtime server has greeted this page; grows."""
    times: list[float] = []

    def hear(frame: str | bytes) -> None:
        if "connection_established" in str(frame):
            times.append(time.monotonic())

    page.on("websocket", lambda socket: socket.on("framereceived", hear))
    return times


def wait_for(page: Page, times: list[float], count: int) -> None:
    """Wait until the list has so many entries."""
    deadline = time.monotonic() + PATIENCE
    while len(times) < count:
        assert time.monotonic() < deadline, f"greeted {len(times)} times instead of {count}"
        page.wait_for_timeout(20)


def streams(answers: Double, page: Page) -> None:
    """A new answer comes in parts, so it comes over the WebSocket."""
    answers.gate.clear()
    ask(page)
    expect(page.locator(".answer")).to_have_text(answers.parts[0])
    answers.gate.set()
    expect(page.locator(".answer")).to_have_text(ANSWER)


def test_what_goes_wrong_is_said_and_can_be_tried_again(stage: Stage, answers: Double, visit: Visit) -> None:
    opened(visit.page, f"{stage.pages}/demo")
    for status, sentence in ((503, UNREACHABLE), (429, "Those were many questions at once.")):
        answers.status = status
        ask(visit.page)
        expect(visit.page.locator(".problem").last).to_contain_text(sentence)
    answers.status = 200
    ask(visit.page)
    expect(visit.page.locator(".answer")).to_have_text(ANSWER)


def test_typing_does_not_reach_the_shortcuts_of_the_page(stage: Stage, answers: Double, visit: Visit) -> None:
    visit.page.goto(f"{stage.pages}/demo")
    visit.page.evaluate("() => document.addEventListener('keydown', (event) => (document.title += event.key))")
    visit.page.get_by_role("button", name="Ask a question").click()
    visit.page.keyboard.type("s/")
    assert visit.page.title() == "Pitchbar on a page"
    visit.page.keyboard.press("Escape")
    visit.page.keyboard.press("s")
    assert visit.page.title() == "Pitchbar on a page"


def test_nothing_moves_for_visitors_who_want_it_still(stage: Stage, visit: Visit) -> None:
    animation = "(panel) => getComputedStyle(panel).animationName"
    opened(visit.page, f"{stage.pages}/demo")
    assert visit.page.get_by_role("dialog").evaluate(animation) == "rise"
    visit.page.emulate_media(reduced_motion="reduce")
    assert visit.page.get_by_role("dialog").evaluate(animation) == "none"


def test_two_script_tags_make_one_widget_and_nothing_is_asked_before_it_is_opened(stage: Stage, visit: Visit) -> None:
    requests: list[str] = []
    visit.page.on("request", lambda request: requests.append(request.url))
    visit.page.goto(f"{stage.pages}/demo")
    expect(visit.page.get_by_role("button", name="Ask a question")).to_be_visible()
    address = f"{stage.script}?again"
    visit.page.evaluate(
        "(address) => new Promise((loaded) => document.body.append(Object.assign(document.createElement('script'),"
        " { src: address, onload: loaded })))",
        address,
    )
    assert visit.page.locator("pitchbar-widget").count() == 1
    assert not [url for url in requests if "config.json" in url]


def test_a_small_screen_shows_all_of_it(stage: Stage, answers: Double, visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 320, "height": 480})
    opened(visit.page, f"{stage.pages}/demo")
    box = visit.page.get_by_role("dialog").bounding_box()
    assert box and box["x"] >= 0 and box["y"] >= 0
    assert box["x"] + box["width"] <= 320 and box["y"] + box["height"] <= 480
