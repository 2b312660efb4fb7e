"""The admin page as a browser without JavaScript uses it, and as an attacker would like to."""

from __future__ import annotations

import re
from html import unescape

import pytest

from tests.app.api import NEW_KEY, Client
from tests.app.forms import PASSWORD, Browser
from tests.app.processes import SECRETS, Launcher
from tests.app.website import page, website
from tests.support.services import Redis


@pytest.fixture
def browser(app: Launcher, redis: Redis) -> Browser:
    redis.execute("DEL", "pitchbar:limit:sign-in:all")
    return Browser(app.start("web", wait="/ready"))


def test_signing_in_and_out(browser: Browser) -> None:
    assert 'name="password"' in browser.get().body.decode()
    wrong = browser.post("/admin/sign-in", password="guess", headers={"x-forwarded-for": "203.0.113.5"})
    assert wrong.status == 401 and "This is not the admin&#x27;s password." in wrong.body.decode()
    answer = browser.post("/admin/sign-in", password=PASSWORD)
    assert answer.headers["location"] == "/admin"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie and "path=/admin" in cookie
    assert "Add a source" in browser.get().body.decode()
    old, token = browser.cookie, browser.sign_in()
    browser.post("/admin/sign-out", form_token=token)
    assert "Add a source" not in browser.get().body.decode()
    assert old != browser.cookie


def test_a_session_ends_with_the_password_and_its_cookie_is_secure_over_tls(app: Launcher, browser: Browser) -> None:
    browser.sign_in()
    changed = Browser(app.start("web", wait="/ready", ADMIN_PASSWORD="another", APP_URL="https://app.example"))
    changed.cookie = browser.cookie
    assert "Add a source" not in changed.get().body.decode()
    assert "secure" in changed.post("/admin/sign-in", password="another").headers["set-cookie"].lower()


def test_a_session_that_is_used_outlives_the_rotation_of_the_key(app: Launcher, browser: Browser) -> None:
    def with_keys(**keys: str) -> Browser:
        other = Browser(app.start("web", wait="/ready", **keys))
        other.cookie = browser.cookie
        return other

    browser.sign_in()
    assert "Add a source" not in with_keys(APP_KEY=NEW_KEY).get().body.decode(), "the key before is not accepted"
    both = with_keys(APP_KEY=NEW_KEY, APP_PREVIOUS_KEYS=SECRETS["APP_KEY"])
    assert "Add a source" in both.get().body.decode()
    assert "Add a source" in with_keys(APP_KEY=NEW_KEY).get().body.decode(), "it went on under the new key"
    assert "Add a source" not in browser.get().body.decode()


def test_forms_of_other_sites_are_refused(browser: Browser) -> None:
    token = browser.sign_in()
    foreign = ({"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "same-site"})
    for headers in foreign:
        for path in ("/admin/sources", "/admin/sign-out", "/admin/sign-in"):
            answer = browser.post(path, headers, form_token=token, url="http://a.example/", password=PASSWORD)
            assert answer.status == 403, (headers, path)
    assert browser.post("/admin/sources", url="http://a.example/").status == 403
    assert browser.post("/admin/sources", form_token="0" * 64, url="http://a.example/").status == 403
    assert "There is none yet." in browser.get().body.decode()


def test_from_an_address_to_an_answer(app: Launcher, browser: Browser) -> None:
    app.start("worker")
    token = browser.sign_in()
    title = "<script>alert(1)</script>"
    with website({"/": page("Home", "Start.", "/x", "/gone"), "/x": page(title, f"Otters eat fish {title}.")}) as site:
        assert browser.post("/admin/sources", form_token=token, url=site.url()).status == 303
        Client(browser.web).wait_for(max(_ids(browser)))
    text = browser.get("/admin?question=What+do+otters+eat%3F").body.decode()
    assert "Otters eat fish" in text
    assert ">Ready<" in text and f'href="{site.url()}"' in text and "Notes on 1 pages" in text
    assert f'href="{site.url("/x")}"' in unescape(text)
    assert "<script>alert" not in text
    again = browser.post("/admin/sources", form_token=token, url=site.url())
    assert again.status == 409 and "This address is a source already." in again.body.decode()
    assert 'data-busy="no"' in text
    browser.post(f"/admin/sources/{max(_ids(browser))}/delete", form_token=token)
    assert "There is none yet." in browser.get().body.decode()


def test_bad_addresses_are_told_on_the_page(browser: Browser) -> None:
    token = browser.sign_in()
    answer = browser.post("/admin/sources", form_token=token, url="not an address")
    assert answer.status == 422
    assert '<p class="notice" role="alert">' in answer.body.decode()


def test_odd_questions_and_ids(browser: Browser) -> None:
    token = browser.sign_in()
    for question in ("%00", "%ED%A0%80", "x" * 600, "%22%3E%3Cscript%3E", "$%7Btitle%7D"):
        answer = browser.get(f"/admin?question={question}")
        assert answer.status == 200 and b'"><script>' not in answer.body
    for given in ("0", "x", "9" * 30):
        assert browser.post(f"/admin/sources/{given}/delete", form_token=token).status == 303
    assert browser.get("/admin/nothing").status == 404


def test_strict_policy_and_nothing_inline(browser: Browser) -> None:
    for answer in (browser.get(), (browser.sign_in(), browser.get())[1]):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "form-action 'self'" in policy
        text = answer.body.decode()
        assert not re.search(r"<style|<script(?![^>]*src=)|\son\w+=|\sstyle=|javascript:", text)
        assert 'lang="en"' in text and 'name="viewport"' in text
        assert len(re.findall(r"<input(?![^>]*hidden)", text)) == text.count("<label ")
        assert answer.headers["cache-control"] == "no-store"
    assert "prefers-color-scheme: dark" in browser.get("/admin/admin.css").body.decode()
    assert browser.get("/admin/admin.js").headers["content-type"].startswith("text/javascript")


def _ids(browser: Browser) -> list[int]:
    return [int(found) for found in re.findall(r"/admin/sources/(\d+)/delete", browser.get().body.decode())]
