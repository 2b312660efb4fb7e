"""Sessions of the admin page: a cookie that means nothing by itself, and what it stands for in Redis."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from pitchbar_app.web.services import Services

COOKIE = "pitchbar_session"
PATH = "/admin"
LIFETIME = 12 * 3600


class Sessions:
    """Signs in and out. A session ends with the password it was opened with, and with the key, unless it is used
    while that is still one of APP_PREVIOUS_KEYS: then it goes on under APP_KEY."""

    def __init__(self, services: Services) -> None:
        settings = services.settings
        self._redis = services.redis
        self._password = settings.admin_password.reveal()
        self._proof, *self._earlier_proofs = (
            hmac.new(key.reveal().encode(), self._password.encode(), hashlib.sha256).hexdigest()
            for key in settings.keys
        )
        self._secure = settings.url.startswith("https:")

    def right(self, password: str) -> bool:
        """Whether it is the admin's password; takes the same time whatever is wrong with it."""
        return hmac.compare_digest(_digest(password), _digest(self._password))

    async def open(self, response: Response) -> None:
        """Start a session with this response."""
        session = secrets.token_urlsafe(32)
        await self._redis.set(_key(session), self._proof, ex=LIFETIME)
        response.set_cookie(
            COOKIE, session, max_age=LIFETIME, path=PATH, secure=self._secure, httponly=True, samesite="lax"
        )

    async def current(self, request: Request) -> str | None:
        """The session of a request; None where nobody is signed in."""
        session = request.cookies.get(COOKIE, "")
        if not session or len(session) > 100:
            return None
        proof: bytes | None = await self._redis.get(_key(session))  # type: ignore[assignment]
        if proof is None:
            return None
        if hmac.compare_digest(proof, self._proof.encode()):
            return session
        if not any(hmac.compare_digest(proof, earlier.encode()) for earlier in self._earlier_proofs):
            return None
        await self._redis.set(_key(session), self._proof, xx=True, keepttl=True)
        return session

    async def close(self, request: Request, response: Response) -> None:
        """End the session of a request."""
        await self._redis.delete(_key(request.cookies.get(COOKIE, "")))
        response.delete_cookie(COOKIE, path=PATH, secure=self._secure, httponly=True, samesite="lax")


def form_token(session: str) -> str:
    """What the forms of a session carry, and no other site can know."""
    return hmac.new(session.encode(), b"form", hashlib.sha256).hexdigest()


def from_here(request: Request) -> None:
    """Refuse a form that another site's page sent."""
    origin, fetched_by = request.headers.get("origin"), request.headers.get("sec-fetch-site", "same-origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if foreign or fetched_by not in ("same-origin", "none"):
        raise HTTPException(403, "This form was sent by a page of another site, and is not taken.")


def check_form_token(session: str, given: str) -> None:
    """Refuse a form that does not carry its session's token."""
    if not hmac.compare_digest(form_token(session).encode(), given.encode()):
        raise HTTPException(403, "This form is out of date. Open the page again, then send it again.")


def _key(session: str) -> str:
    return f"pitchbar:session:{_digest(session).hex()}"


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
