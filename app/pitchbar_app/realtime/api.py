"""The HTTP API for servers: Pusher's, so that its libraries for servers work."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from pitchbar_app.broadcast import LONGEST_DATA, Event
from pitchbar_app.realtime import api_signature
from pitchbar_app.realtime.api_events import MOST_EVENTS, parse_batch, parse_event, parse_infos, parse_object
from pitchbar_app.realtime.channels import is_presence
from pitchbar_app.realtime.directory import EMPTY, Directory, Occupancy
from pitchbar_app.realtime.publisher import Publisher
from pitchbar_app.realtime.signatures import Credentials

# JSON writes one byte of data as up to six; names of channels and what is around them come on top.
LONGEST_EVENT = 6 * LONGEST_DATA + 32_768
AWAY = "Redis does not answer, so this can't be told just now. Please try again in a moment."


@dataclass(frozen=True)
class Call:
    """One request whose signature was right."""

    query: dict[str, str]
    body: bytes
    path: dict[str, str]


Handler = Callable[[Call], Awaitable[object]]


@dataclass(frozen=True)
class Api:
    """What the endpoints work with."""

    app_id: str
    credentials: Credentials
    directory: Directory
    publisher: Publisher
    redis: Redis
    members_topic: str

    def routes(self) -> list[Route]:
        """The routes of the API."""
        base = "/apps/{app_id}"
        return [
            self._route("POST", f"{base}/events", self._event, LONGEST_EVENT),
            self._route("POST", f"{base}/batch_events", self._batch, LONGEST_EVENT * MOST_EVENTS),
            self._route("GET", f"{base}/channels", self._channels),
            self._route("GET", f"{base}/channels/{{channel}}", self._channel),
            self._route("GET", f"{base}/channels/{{channel}}/users", self._users),
            self._route("POST", f"{base}/users/{{user}}/terminate_connections", self._terminate),
            # Pusher's library for Python leaves out the application.
            self._route("POST", "/users/{user}/terminate_connections", self._terminate),
        ]

    def _route(self, method: str, path: str, handler: Handler, longest: int = 10_000) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                body = await _body(request, longest)
                if request.path_params.get("app_id", self.app_id) != self.app_id:
                    raise HTTPException(404, "There is no application of this id.")
                query = api_signature.check(self.credentials, method, _paths(request), request.url.query, body)
                return JSONResponse(await handler(Call(query, body, request.path_params)))
            except HTTPException as refusal:
                return PlainTextResponse(refusal.detail + "\n", refusal.status_code)
            except (RedisError, OSError):
                return PlainTextResponse(AWAY + "\n", 503, {"retry-after": "1"})

        return Route(path, endpoint, methods=[method])

    async def _event(self, call: Call) -> object:
        value = parse_object(call.body)
        event, infos = parse_event(value), parse_infos(value.get("info"))
        self._publish([event])
        if not infos:
            return {}
        found = await self.directory.of(event.channels, "user_count" in infos)
        return {"channels": {name: _said(name, found.get(name, EMPTY), infos) for name in event.channels}}

    async def _batch(self, call: Call) -> object:
        values = parse_batch(call.body)
        events, infos = [parse_event(value) for value in values], [parse_infos(value.get("info")) for value in values]
        self._publish(events)
        if not any(infos):
            return {}
        names = {name for event in events for name in event.channels}
        found = await self.directory.of(names, any("user_count" in wanted for wanted in infos))
        return {
            "batch": [
                _said(event.channels[0], found.get(event.channels[0], EMPTY), wanted)
                for event, wanted in zip(events, infos, strict=True)
            ]
        }

    async def _channels(self, call: Call) -> object:
        prefix, infos = call.query.get("filter_by_prefix", ""), parse_infos(call.query.get("info"))
        if "user_count" in infos and not is_presence(prefix):
            raise HTTPException(400, "user_count is for presence channels: add filter_by_prefix=presence-")
        found = await self.directory.with_prefix(prefix, "user_count" in infos)
        return {"channels": {name: _said(name, occupancy, infos) for name, occupancy in found.items()}}

    async def _channel(self, call: Call) -> object:
        name, infos = call.path["channel"], parse_infos(call.query.get("info"))
        if "user_count" in infos and not is_presence(name):
            raise HTTPException(400, "user_count is for presence channels only.")
        found = await self.directory.of([name], "user_count" in infos)
        return {"occupied": name in found, **_said(name, found.get(name, EMPTY), infos)}

    async def _users(self, call: Call) -> object:
        name = call.path["channel"]
        if not is_presence(name):
            raise HTTPException(400, "Users are known of presence channels only.")
        return {"users": [{"id": user} for user in await self.directory.users(name)]}

    async def _terminate(self, call: Call) -> object:
        message = {"type": "terminate", "user": call.path["user"]}
        await self.redis.publish(self.members_topic, json.dumps(message))
        return {}

    def _publish(self, events: list[Event]) -> None:
        if not self.publisher.has_room_for(len(events)):
            raise HTTPException(503, "Too many events are waiting for Redis. Please try again in a moment.")
        for event in events:
            self.publisher.put(event)


def _said(name: str, occupancy: Occupancy, infos: frozenset[str]) -> dict[str, int]:
    """What is wanted about one channel."""
    said = {}
    if "user_count" in infos and is_presence(name):
        said["user_count"] = max(0, occupancy.users)
    if "subscription_count" in infos:
        said["subscription_count"] = occupancy.subscriptions
    return said


def _paths(request: Request) -> tuple[str, str]:
    return request.scope["path"], request.scope["raw_path"].decode("latin-1")


async def _body(request: Request, longest: int) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > longest:
            raise HTTPException(413, f"The body is longer than {longest} bytes.")
    return body
