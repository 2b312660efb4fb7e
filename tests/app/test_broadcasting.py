"""The endpoints that let browsers hear private and presence channels."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest

from tests.app.processes import TOKEN, Answer, Process
from tests.app.pusher_protocol import KEY, hexdigest

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
        ({"socket_id": "1.2", "channel_name": "private-" + "a" * 10_000}, 413),
    ],
)
def test_what_is_not_signed(web: Process, fields: dict[str, str], status: int) -> None:
    assert _ask(web, "/broadcasting/auth", **fields).status == status


def test_a_body_that_is_no_form(web: Process) -> None:
    assert web.request("POST", "/broadcasting/auth", "\xff", FORM | TOKEN).status == 400
