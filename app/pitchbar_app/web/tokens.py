"""Tokens for the API: made with the admin's password, shown once, kept as a hash in the encrypted settings."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import UTC, datetime

from pitchbar_app.encryption import Encrypter, Undecipherable
from pitchbar_app.store import Connection, app_settings

PREFIX = "api_token."
_TOKEN = re.compile(r"pitchbar_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")


def make(connection: Connection, encrypter: Encrypter, name: str) -> tuple[str, str]:
    """Make a token; the results are its id and the token, which nobody can see again."""
    token_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    known = {"name": name, "hash": _hash(secret), "created_at": datetime.now(UTC).isoformat(timespec="seconds")}
    app_settings.put(connection, encrypter, PREFIX + token_id, known)
    return token_id, f"pitchbar_{token_id}_{secret}"


def valid(connection: Connection, encrypter: Encrypter, header: str | None) -> bool:
    """Whether an Authorization header carries a token that was made and not taken back."""
    scheme, _, given = (header or "").partition(" ")
    match = _TOKEN.fullmatch(given.strip())
    if scheme.lower() != "bearer" or match is None:
        return False
    try:
        known = app_settings.get(connection, encrypter, PREFIX + match[1])
    except Undecipherable:
        return False
    return known is not None and hmac.compare_digest(str(known["hash"]), _hash(match[2]))


def take_back(connection: Connection, token_id: str) -> bool:
    """Make a token worthless; False where there is none of that id."""
    return re.fullmatch(r"[0-9a-f]{16}", token_id) is not None and app_settings.remove(connection, PREFIX + token_id)


def _hash(secret: str) -> str:
    """Plain SHA-256 is enough for 256 random bits, which nobody can guess from their hash."""
    return hashlib.sha256(secret.encode()).hexdigest()
