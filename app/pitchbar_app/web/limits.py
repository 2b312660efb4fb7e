"""How often one client may do something, counted in Redis for all replicas together."""

from __future__ import annotations

import hashlib

from starlette.exceptions import HTTPException
from starlette.requests import Request

from pitchbar_app.web.services import Services

MINUTE = 60
SIGN_INS_PER_CLIENT = 10
SIGN_INS_IN_ALL = 60


async def limit(services: Services, request: Request, what: str, most: int, *, in_all: int | None = None) -> None:
    """Count one more, and refuse when this minute has seen too many from this client or, with `in_all`, from all."""
    client = request.client.host if request.client else "local"
    keys = {f"{what}:{hashlib.sha256(client.encode()).hexdigest()[:16]}": most}
    if in_all is not None:
        keys[f"{what}:all"] = in_all
    async with services.redis.pipeline() as pipeline:
        for key in keys:
            pipeline.incr(f"pitchbar:limit:{key}")
            pipeline.expire(f"pitchbar:limit:{key}", MINUTE, nx=True)
        counts = (await pipeline.execute())[::2]
    if any(count > allowed for count, allowed in zip(counts, keys.values(), strict=True)):
        raise HTTPException(429, "Too many tries. Wait a minute, then try again.", {"retry-after": str(MINUTE)})


async def limit_sign_in(services: Services, request: Request) -> None:
    """The limit for everything that takes the password."""
    await limit(services, request, "sign-in", SIGN_INS_PER_CLIENT, in_all=SIGN_INS_IN_ALL)
