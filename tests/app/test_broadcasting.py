"""The endpoints that let browsers hear private and presence channels."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest

from tests.app.forms import Browser
from tests.app.processes import TOKEN, Answer, Process
from tests.app.pusher_protocol import KEY, hexdigest
from tests.support.services import Redis

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def _ask(web: Process, path: str, headers: dict[str, str] = TOKEN, /, **fields: str) -> Answer:
    return web.request("POST", path, urlencode(fields), FORM | headers)


def test_private_channel(web: Process) -> None:
    answer = _ask(web, "/broadcasting/auth", socket_id="1.2", channel_name="private-a")
    assert (answer.status, answer.json) == (200, {"auth": f"{KEY}:{hexdigest('1.2:private-a')}"})
    assert answer.headers["cache-control"] == "no-store"


def test_presence_channel(web: Process) -> None:
    fields = {"user_id": "ada", "user_info": '{"name": "Ä"}'}
    answer = _ask(web, "/broadcasting/auth", socket_id="1.2", channel_name="presence-a", **fields)
    data = answer.json["channel_data"]
    assert json.loads(data) == {"user_id": "ada", "user_info": {"name": "Ä"}}
    assert answer.json["auth"] == f"{KEY}:{hexdigest(f'1.2:presence-a:{data}')}"


def test_user(web: Process) -> None:
    answer = _ask(web, "/broadcasting/user-auth", socket_id="1.2", user_id="ada")
    data = answer.json["user_data"]
    assert json.loads(data) == {"id": "ada", "user_info": None}
    assert answer.json["auth"] == f"{KEY}:{hexdigest(f'1.2::user::{data}')}"


def test_the_admins_session_may_join_as_the_admin(web: Process, redis: Redis) -> None:
    redis.execute("DEL", "pitchbar:limit:sign-in:all")
    browser = Browser(web)
    fields = {"form_token": browser.sign_in(), "socket_id": "1.2", "user_id": "somebody"}
    answer = browser.post("/admin/broadcasting/auth", None, channel_name="private-a", **fields)
    assert (answer.status, answer.json) == (200, {"auth": f"{KEY}:{hexdigest('1.2:private-a')}"})
    member = browser.post("/admin/broadcasting/auth", None, channel_name="presence-a", **fields).json["channel_data"]
    assert json.loads(member) == {"user_id": "admin", "user_info": None}
    user = browser.post("/admin/broadcasting/user-auth", None, **fields).json["user_data"]
    assert json.loads(user)["id"] == "admin"


def test_a_page_of_another_site_can_not_use_the_admins_session(web: Process, redis: Redis) -> None:
    redis.execute("DEL", "pitchbar:limit:sign-in:all")
    browser = Browser(web)
    fields = {"socket_id": "1.2", "channel_name": "private-a"}
    token = browser.sign_in()
    for path in ("/admin/broadcasting/auth", "/admin/broadcasting/user-auth"):
        assert browser.post(path, None, **fields).status == 403, "without the form's token"
        assert browser.post(path, None, form_token="0" * 64, **fields).status == 403
        for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
            assert browser.post(path, headers, form_token=token, **fields).status == 403
        assert _ask(web, path, {}, form_token=token, **fields).status == 403, "without the session"
    browser.post("/admin/sign-out", form_token=token)
    assert browser.post("/admin/broadcasting/auth", None, form_token=token, **fields).status == 403


@pytest.mark.parametrize("channel", ["private-a", "presence-a"])
def test_strangers_may_not(web: Process, channel: str) -> None:
    answer = _ask(web, "/broadcasting/auth", {}, socket_id="1.2", channel_name=channel)
    assert (answer.status, answer.json) == (403, {"error": f"You may not join the channel {channel}."})
    assert _ask(web, "/broadcasting/user-auth", {}, socket_id="1.2").status == 403
    headers = FORM | {"Authorization": "Bearer token-of-somebody"}
    body = urlencode({"socket_id": "1.2", "channel_name": channel})
    assert web.request("POST", "/broadcasting/auth", body, headers).status == 403


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"socket_id": "1.2", "channel_name": "open"}, 403),
        ({"socket_id": "1.2::user::{}", "channel_name": "private-a"}, 422),
        ({"socket_id": "1.2:private-b", "channel_name": "private-a"}, 422),
        ({"channel_name": "private-a"}, 422),
        ({"socket_id": "1.2"}, 422),
        ({"socket_id": "1.2", "channel_name": "private-a b"}, 422),
        ({"socket_id": "1.2", "channel_name": "presence-a", "user_id": "x" * 129}, 422),
        ({"socket_id": "1.2", "channel_name": "presence-a", "user_info": "no json"}, 422),
        ({"socket_id": "1.2", "channel_name": "presence-a", "user_info": "1e999"}, 422),
        ({"socket_id": "1.2", "channel_name": "private-" + "a" * 10_000}, 413),
    ],
)
def test_what_is_not_signed(web: Process, fields: dict[str, str], status: int) -> None:
    assert _ask(web, "/broadcasting/auth", **fields).status == status


def test_a_body_that_is_no_form(web: Process) -> None:
    assert web.request("POST", "/broadcasting/auth", "\xff", FORM | TOKEN).status == 400
