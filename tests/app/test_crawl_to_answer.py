"""The whole chain with real processes: a site is added, read, indexed, asked about, and answers over the WebSocket."""

from __future__ import annotations

from tests.app.api import Client
from tests.app.processes import Launcher, receive, subscribe
from tests.app.website import page, website

TOPICS = {
    "/returns": ("Returns", "You can send back any lamp within thirty days. We refund the price to your card."),
    "/delivery": ("Delivery", "Parcels travel for two to four working days. Islands take a week."),
    "/warranty": (
        "Warranty",
        "Every lamp has a warranty of five years. The warranty covers the electronics, not bulbs.",
    ),
    "/contact": ("Contact", "Write to the help desk at any hour. On Sundays nobody reads the letters."),
}


def test_a_site_is_crawled_and_answers(app: Launcher) -> None:
    web, realtime = app.start("web", wait="/ready"), app.start("realtime", wait="/ready")
    app.start("worker")
    client, listener = Client(web), realtime.connect()
    subscribe(listener, "answers-0123456789abcdef")
    with website({path: page(title, text, "/") for path, (title, text) in TOPICS.items()}) as site:
        site.pages["/"] = page("Lamps", "We make lamps of brass.", *TOPICS, "/gone")
        source = client.wait_for(client.add(site.url()))
    assert source["status"] == "ready", source
    assert source["error"] is None
    assert source["pages"] == {"queued": 0, "done": 5, "failed": 1, "skipped": 0}
    assert source["problems"] == [
        {
            "url": site.url("/gone"),
            "error": f"{site.address.removeprefix('http://')} answered 404: there is no page at this address.",
        }
    ]
    answer = client.ask("How long is the warranty of a lamp?", channel="answers-0123456789abcdef")
    assert answer["found"] and "warranty of five years" in answer["answer"]
    assert answer["links"][0]["page"] == site.url("/warranty")
    started, parts, event = receive(listener), list[str](), receive(listener)
    assert started["event"] == "answer.started"
    assert started["data"] == {"id": answer["id"], "question": "How long is the warranty of a lamp?"}
    while event["event"] == "answer.part":
        parts.append(event["data"]["text"])
        event = receive(listener)
    assert event["event"] == "answer.finished"
    assert event["data"]["text"] == "".join(parts) == answer["answer"]
    assert event["data"]["links"] == answer["links"]


def test_a_hundred_pages_are_read_and_found(app: Launcher) -> None:
    web = app.start("web", wait="/ready")
    app.start("worker")
    client = Client(web)
    text = "This page tells about subject number {0} and the word{0} that only it has. " * 12
    pages = {f"/p{number}": page(f"Page {number}", text.format(number), "/") for number in range(100)}
    with website({**pages, "/": page("Contents", "All pages.", *pages)}) as site:
        source = client.wait_for(client.add(site.url()), seconds=180)
    assert source["pages"]["done"] == 101, source
    assert client.ask("What is word77?")["links"][0]["page"] == site.url("/p77")
