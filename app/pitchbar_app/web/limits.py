"""How often one client may do something, counted in Redis for all replicas together."""

from __future__ import annotations

import hashlib

from starlette.exceptions import HTTPException
from starlette.requests import Request

from pitchbar_app.web.services import Services

MINUTE = 60
SIGN_INS_PER_CLIENT = 10
SIGN_INS_IN_ALL = 60


async def limit(services: Services, request: Request, what: str, most: int) -> None:
    """Count one more, and refuse when this minute has seen too many from this client."""
    await _count(services, {_key(request, what): most})


async def limit_sign_in(services: Services, request: Request) -> None:
    """The limit for everything that takes the password, for this client and for all together.

    It is counted before the password is looked at, so that many guesses at the same time are counted too.
    """
    await _count(services, {_key(request, "sign-in"): SIGN_INS_PER_CLIENT, _SIGN_IN_IN_ALL: SIGN_INS_IN_ALL})


async def was_right(services: Services, request: Request) -> None:
    """Take the count back: only wrong passwords count."""
    async with services.redis.pipeline() as pipeline:
        for key in (_key(request, "sign-in"), _SIGN_IN_IN_ALL):
            pipeline.decr(key)
        await pipeline.execute()


_SIGN_IN_IN_ALL = "pitchbar:limit:sign-in:all"


async def _count(services: Services, limits: dict[str, int]) -> None:
    async with services.redis.pipeline() as pipeline:
        for key in limits:
            pipeline.incr(key)
            pipeline.expire(key, MINUTE, nx=True)
        counts = (await pipeline.execute())[::2]
    if any(count > allowed for count, allowed in zip(counts, limits.values(), strict=True)):
        raise HTTPException(429, "Too many tries. Wait a minute, then try again.", {"retry-after": str(MINUTE)})


def _key(request: Request, what: str) -> str:
    client = request.client.host if request.client else "local"
    return f"pitchbar:limit:{what}:{hashlib.sha256(client.encode()).hexdigest()[:16]}"
