"""The kinds of channels, and the member that a client claims to be on a presence channel."""

from __future__ import annotations

import json
from dataclasses import dataclass

from pitchbar_app.broadcast import CHANNEL, TO_USER

PRIVATE, PRESENCE, ENCRYPTED = "private-", "presence-", "private-encrypted-"
LONGEST_ID = 128
LONGEST_MEMBER = 4096


class Refused(ValueError):
    """What a client asked for is not allowed; the text says why."""


@dataclass(frozen=True)
class Member:
    """One member of a presence channel; `info` is JSON text."""

    id: str
    info: str


def is_guarded(channel: str) -> bool:
    """Whether a signature is needed to hear this channel."""
    return channel.startswith((PRIVATE, PRESENCE))


def is_presence(channel: str) -> bool:
    """Whether the members of this channel are known to each other."""
    return channel.startswith(PRESENCE)


def takes_client_events(channel: str) -> bool:
    """Whether clients may send events on this channel."""
    return is_guarded(channel) and not channel.startswith(ENCRYPTED)


def may_hear(channel: str, user: str | None) -> bool:
    """Whether this is a channel that a client of this signed-in user can subscribe to at all."""
    return CHANNEL.fullmatch(channel) is not None or (user is not None and channel == TO_USER + user)


def parse_member(channel_data: object) -> Member:
    """The member whom a client's `channel_data` describes: an id and perhaps some information."""
    if not isinstance(channel_data, str) or len(channel_data) > LONGEST_MEMBER:
        raise Refused(f"A presence channel needs channel_data: JSON text of at most {LONGEST_MEMBER} characters.")
    value = _object(channel_data)
    user = _identity(value.get("user_id"))
    if user is None:
        raise Refused(f"channel_data needs a user_id: text of 1 to {LONGEST_ID} characters.")
    try:
        return Member(user, json.dumps(value.get("user_info"), allow_nan=False))
    except ValueError as error:
        raise Refused("user_info has a number that JSON does not have: NaN or an infinite one.") from error


def parse_user(user_data: object) -> str:
    """The id of the user whom a client's `user_data` describes."""
    if not isinstance(user_data, str) or len(user_data) > LONGEST_MEMBER:
        raise Refused(f"Signing in needs user_data: JSON text of at most {LONGEST_MEMBER} characters.")
    user = _identity(_object(user_data).get("id"))
    if user is None:
        raise Refused(f"user_data needs an id: text of 1 to {LONGEST_ID} characters.")
    return user


def _object(text: str) -> dict[str, object]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Refused("What describes a user must be the JSON text of an object.")
    return value


def _identity(value: object) -> str | None:
    """An id as text; clients may write a number."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_ID:
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value
