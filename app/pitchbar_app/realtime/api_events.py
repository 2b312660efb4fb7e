"""What the HTTP API accepts as an event, and what it says about one that it does not accept."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException

from pitchbar_app.broadcast import LONGEST_DATA, LONGEST_NAME, MOST_CHANNELS, Event, may_carry

SOCKET_ID = re.compile(r"\d{1,20}\.\d{1,20}")
INFOS = ("user_count", "subscription_count")
MOST_EVENTS = 10


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object in a body."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise HTTPException(400, "The body must be a JSON object.")
    return value


def parse_batch(body: bytes) -> list[dict[str, Any]]:
    """The events of a batch, each still to be read."""
    batch = parse_object(body).get("batch")
    if not isinstance(batch, list) or not all(isinstance(item, dict) for item in batch):
        raise HTTPException(400, "batch must be a list of events.")
    if not 1 <= len(batch) <= MOST_EVENTS:
        raise HTTPException(400, f"A batch holds from 1 to {MOST_EVENTS} events.")
    return batch


def parse_event(value: Mapping[str, Any]) -> Event:
    """One event for its channels."""
    name, data, sender = value.get("name"), value.get("data"), value.get("socket_id")
    if not isinstance(name, str) or not name:
        raise HTTPException(400, "name must be the name of the event.")
    if len(name) > LONGEST_NAME:
        raise HTTPException(400, f"name has at most {LONGEST_NAME} characters.")
    if not isinstance(data, str):
        raise HTTPException(400, "data must be text (JSON text, in most cases).")
    if len(data.encode(errors="replace")) > LONGEST_DATA:
        raise HTTPException(413, f"The data of the event {name} is longer than {LONGEST_DATA} bytes.")
    if sender is not None and not (isinstance(sender, str) and SOCKET_ID.fullmatch(sender)):
        raise HTTPException(400, "socket_id must be two numbers with a point between them.")
    return Event(_channels(value), name, data, sender)


def parse_infos(text: object) -> frozenset[str]:
    """What is wanted about channels: `user_count`, `subscription_count`, or both with a comma between them."""
    if text is None or text == "":
        return frozenset()
    infos = frozenset(text.split(",")) if isinstance(text, str) else frozenset([""])
    if not infos <= frozenset(INFOS):
        raise HTTPException(400, f"info can be {' and '.join(INFOS)}, with a comma between them.")
    return infos


def _channels(value: Mapping[str, Any]) -> tuple[str, ...]:
    channels = value.get("channels", [value["channel"]] if "channel" in value else None)
    if not isinstance(channels, list) or not channels:
        raise HTTPException(400, "channels must be a list of names, or channel one name.")
    if len(channels) > MOST_CHANNELS:
        raise HTTPException(400, f"An event goes to at most {MOST_CHANNELS} channels.")
    for channel in channels:
        if not isinstance(channel, str) or not may_carry(channel):
            raise HTTPException(
                400, f"{str(channel)[:50]!r} is not the name of a channel: letters, digits and _-=@,.; up to 200."
            )
    return tuple(dict.fromkeys(channels))
