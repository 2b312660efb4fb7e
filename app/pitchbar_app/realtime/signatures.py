"""Signatures of the Pusher protocol: HMAC-SHA256 with the application's secret, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

from pitchbar_app.secret import Secret


@dataclass(frozen=True)
class Credentials:
    """An application's public key and the secret that belongs to it."""

    key: str
    secret: Secret


def sign(credentials: Credentials, text: str) -> str:
    """The signature of a text, in hexadecimal digits."""
    return hmac.new(
        credentials.secret.reveal().encode(), text.encode(errors="surrogatepass"), hashlib.sha256
    ).hexdigest()


def matches(credentials: Credentials, text: str, signature: str) -> bool:
    """Whether the signature is this text's."""
    return same(sign(credentials, text), signature)


def same(expected: str, given: str) -> bool:
    """Whether two texts are equal; takes the same time wherever they differ."""
    return hmac.compare_digest(expected.encode(), given.encode(errors="replace"))


def channel_auth(credentials: Credentials, socket_id: str, channel: str, channel_data: str | None = None) -> str:
    """What lets one connection subscribe to a private channel, or to a presence channel as one member."""
    return _auth(credentials, _joined(socket_id, channel, channel_data))


def may_subscribe(
    credentials: Credentials, auth: object, socket_id: str, channel: str, channel_data: str | None = None
) -> bool:
    """Whether `auth` is what `channel_auth` gives."""
    return _is_auth(credentials, auth, _joined(socket_id, channel, channel_data))


def user_auth(credentials: Credentials, socket_id: str, user_data: str) -> str:
    """What lets one connection sign in as a user."""
    return _auth(credentials, f"{socket_id}::user::{user_data}")


def may_sign_in(credentials: Credentials, auth: object, socket_id: str, user_data: str) -> bool:
    """Whether `auth` is what `user_auth` gives."""
    return _is_auth(credentials, auth, f"{socket_id}::user::{user_data}")


def request_text(method: str, path: str, query: Iterable[tuple[str, str]]) -> str:
    """What is signed of a request to the HTTP API: all of its query but the signature, sorted."""
    parts = sorted((name.lower(), value) for name, value in query if name != "auth_signature")
    return "\n".join((method.upper(), path, "&".join(f"{name}={value}" for name, value in parts)))


def _joined(*parts: str | None) -> str:
    return ":".join(part for part in parts if part is not None)


def _auth(credentials: Credentials, text: str) -> str:
    return f"{credentials.key}:{sign(credentials, text)}"


def _is_auth(credentials: Credentials, auth: object, text: str) -> bool:
    return isinstance(auth, str) and same(_auth(credentials, text), auth)
