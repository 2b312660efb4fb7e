"""Who may use the HTTP API: requests carry a signature of themselves that only holders of the secret can make."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException

from pitchbar_app.realtime import signatures
from pitchbar_app.realtime.signatures import Credentials

TOLERANCE = 600
"""How many seconds a request's clock may be wrong; an older request may be a recorded one."""


def check(
    credentials: Credentials,
    method: str,
    paths: Sequence[str],
    query_string: str,
    body: bytes,
    now: float | None = None,
) -> dict[str, str]:
    """The request's parameters, once its signature is found right; else a refusal that says what is wrong.

    `paths` are the ways to write the path: some libraries sign it as it is sent, some before its characters are quoted.
    """
    pairs = _pairs(query_string)
    query = dict(pairs)
    if len(query) != len(pairs):
        raise _refused("A parameter is given twice.")
    for name in ("auth_key", "auth_timestamp", "auth_version", "auth_signature"):
        if not query.get(name):
            raise _refused(f"The parameter {name} is missing.")
    if not signatures.same(credentials.key, query["auth_key"]):
        raise _refused("auth_key is not the key of this application.")
    if query["auth_version"] != "1.0":
        raise _refused("auth_version must be 1.0.")
    _check_time(query["auth_timestamp"], time.time() if now is None else now)
    _check_body(query.get("body_md5"), body)
    texts = [signatures.request_text(method, path, pairs) for path in paths]
    if not any(signatures.matches(credentials, text, query["auth_signature"]) for text in texts):
        raise _refused("auth_signature is not right for this method, path and parameters.")
    return query


def _pairs(query_string: str) -> Sequence[tuple[str, str]]:
    try:
        return parse_qsl(query_string, keep_blank_values=True, max_num_fields=50)
    except ValueError as error:
        raise HTTPException(400, "There are too many parameters.") from error


def _check_time(timestamp: str, now: float) -> None:
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        raise _refused("auth_timestamp must be a number of seconds since 1970.")
    if abs(now - int(timestamp)) > TOLERANCE:
        raise _refused(f"auth_timestamp is more than {TOLERANCE} seconds from this server's time ({int(now)}).")


def _check_body(given: str | None, body: bytes) -> None:
    if given is None and not body:
        return
    if given is None:
        raise _refused("The parameter body_md5 is missing.")
    if not signatures.same(hashlib.md5(body, usedforsecurity=False).hexdigest(), given):
        raise _refused("body_md5 is not right for this body.")


def _refused(sentence: str) -> HTTPException:
    return HTTPException(401, sentence)
