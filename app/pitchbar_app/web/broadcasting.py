"""Lets browsers hear private and presence channels: the realtime server believes what is signed here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from pitchbar_app.broadcast import CHANNEL
from pitchbar_app.realtime import signatures
from pitchbar_app.realtime.channels import LONGEST_ID, is_guarded, is_presence
from pitchbar_app.realtime.signatures import Credentials
from pitchbar_app.web.security import authorized
from pitchbar_app.web.services import Services
from pitchbar_app.web.sessions import PATH, Sessions, check_form_token, from_here

LONGEST_BODY = 10_000
SOCKET_ID = re.compile(r"\d{1,20}\.\d{1,20}")


class Caller(StrEnum):
    """Who asks: a server with INTERNAL_QUEUE_TOKEN, which may ask for anybody, or the admin in a browser."""

    INTERNAL = "internal"
    ADMIN = "admin"


def may_join(caller: Caller | None, channel: str) -> bool:
    """Whether the one who asks may hear this channel: both callers may hear every one, strangers none."""
    return caller is not None


def routes(services: Services) -> list[Route]:
    """The endpoints that sign subscriptions and sign-ins; Laravel's, so that its client finds them. The admin's cookie
    is sent below /admin only, so they are there as well."""
    realtime, sessions = services.settings.realtime, Sessions(services)
    credentials = Credentials(realtime.key, realtime.secret)

    async def caller_of(request: Request, form: Mapping[str, str]) -> Caller | None:
        if authorized(request.headers.get("authorization"), services.settings.queue_tokens):
            return Caller.INTERNAL
        session = await sessions.current(request)
        if session is None:
            return None
        from_here(request)
        check_form_token(session, form.get("form_token", ""))
        return Caller.ADMIN

    async def channel(request: Request) -> JSONResponse:
        form = await _form(request)
        socket_id, name = _field(form, "socket_id", SOCKET_ID), _field(form, "channel_name", CHANNEL)
        caller = await caller_of(request, form)
        if not is_guarded(name) or not may_join(caller, name):
            raise HTTPException(403, f"You may not join the channel {name}.")
        if not is_presence(name):
            return _signed({"auth": signatures.channel_auth(credentials, socket_id, name)})
        member = json.dumps({"user_id": _user(caller, form), "user_info": _info(form)})
        auth = signatures.channel_auth(credentials, socket_id, name, member)
        return _signed({"auth": auth, "channel_data": member})

    async def user(request: Request) -> JSONResponse:
        form = await _form(request)
        socket_id = _field(form, "socket_id", SOCKET_ID)
        caller = await caller_of(request, form)
        if caller is None:
            raise HTTPException(403, "You may not sign in to the realtime server.")
        described = json.dumps({"id": _user(caller, form), "user_info": _info(form)})
        return _signed({"auth": signatures.user_auth(credentials, socket_id, described), "user_data": described})

    return [
        Route(f"{prefix}/broadcasting/{name}", endpoint, methods=["POST"])
        for prefix in ("", PATH)
        for name, endpoint in (("auth", channel), ("user-auth", user))
    ]


def _signed(answer: Mapping[str, str]) -> JSONResponse:
    return JSONResponse(answer, headers={"cache-control": "no-store"})


def _user(caller: Caller | None, form: Mapping[str, str]) -> str:
    """As whom somebody joins: a server says it, and asks for itself by default; the admin joins as the admin."""
    user = Caller.ADMIN if caller is Caller.ADMIN else form.get("user_id") or Caller.INTERNAL
    if len(user) > LONGEST_ID:
        raise HTTPException(422, f"`user_id` has at most {LONGEST_ID} characters.")
    return user


def _info(form: Mapping[str, str]) -> object:
    try:
        info = json.loads(form.get("user_info") or "null")
        json.dumps(info, allow_nan=False)
        return info
    except (ValueError, RecursionError) as error:
        raise HTTPException(422, "`user_info` must be JSON text.") from error


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form, as browsers send them."""
    text = b""
    async for part in request.stream():
        text += part
        if len(text) > LONGEST_BODY:
            raise HTTPException(413, f"The body is longer than {LONGEST_BODY} bytes.")
    try:
        fields = parse_qs(text.decode(), max_num_fields=20)
    except ValueError as error:
        raise HTTPException(400, "The body is not a form.") from error
    return {name: values[-1] for name, values in fields.items()}


def _field(form: Mapping[str, str], name: str, pattern: re.Pattern[str]) -> str:
    value = form.get(name, "")
    if not pattern.fullmatch(value):
        raise HTTPException(422, f"`{name}` must match {pattern.pattern}")
    return value
