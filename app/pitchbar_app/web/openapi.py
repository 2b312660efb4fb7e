"""The OpenAPI document of version 1, written by hand beside the code; a test holds the two together."""

from __future__ import annotations

from typing import Any

from pitchbar_app.broadcast import CHANNEL
from pitchbar_app.crawl.urls import LONGEST
from pitchbar_app.settings import Web

Schema = dict[str, Any]


def document(settings: Web) -> Schema:
    """The description of the API of this release."""
    crawl = settings.crawl
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Pitchbar",
            "version": "1",
            "description": "Add sources, which Pitchbar crawls and indexes, and ask questions about them.",
        },
        "servers": [{"url": settings.url}],
        "paths": _PATHS,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": _SCHEMAS | {"NewSource": _new_source(crawl.max_pages, crawl.max_depth)},
        },
    }


def _text(most: int | None = None, pattern: str | None = None) -> Schema:
    schema: Schema = {"type": "string", "minLength": 1}
    return schema | ({"maxLength": most} if most else {}) | ({"pattern": pattern} if pattern else {})


def _object(required: dict[str, Schema], optional: dict[str, Schema] | None = None, *, closed: bool = False) -> Schema:
    schema = {"type": "object", "required": list(required), "properties": required | (optional or {})}
    return schema | ({"additionalProperties": False} if closed else {})


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(name: str) -> Schema:
    return {"application/json": {"schema": _reference(name)}}


def _new_source(max_pages: int, max_depth: int) -> Schema:
    limits = {
        "max_pages": {"type": "integer", "minimum": 1, "maximum": max_pages, "default": max_pages},
        "max_depth": {"type": "integer", "minimum": 0, "maximum": max_depth, "default": max_depth},
    }
    url = _text(LONGEST, "^[Hh][Tt][Tt][Pp][Ss]?://[A-Za-z0-9]") | {"examples": ["https://www.example.com/"]}
    return _object({"url": url}, limits, closed=True)


def _operation(
    name: str,
    summary: str,
    good: tuple[int, str | None],
    bad: tuple[int, ...],
    *,
    body: str | None = None,
    open_to_all: bool = False,
    path_id: Schema | None = None,
    made: tuple[str, ...] = (),
) -> Schema:
    """One operation. `made` names those that take the id of what it makes."""
    status, schema = good
    responses: Schema = {str(code): {"description": _MEANINGS[code], "content": _json("Error")} for code in (*bad, 503)}
    links = {other: {"operationId": other, "parameters": {"id": "$response.body#/id"}} for other in made}
    responses[str(status)] = (
        {"description": "Done."} | ({"content": _json(schema)} if schema else {}) | ({"links": links} if links else {})
    )
    operation: Schema = {"operationId": name, "summary": summary, "responses": responses}
    if body:
        operation["requestBody"] = {"required": True, "content": _json(body)}
    if path_id:
        operation["parameters"] = [{"name": "id", "in": "path", "required": True, "schema": path_id}]
    return operation | {"security": [] if open_to_all else [{"token": []}]}


_MEANINGS = {
    400: "The body is not JSON.",
    401: "The password or token is not right.",
    404: "There is none of this id.",
    409: "It is there already.",
    413: "The body is too long.",
    422: "A field is not right; the sentence says which.",
    429: "Too many tries in this minute.",
    503: "A part of Pitchbar does not answer at the moment.",
}
_BODY = (400, 413, 422)
_NUMBER: Schema = {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_TIME: Schema = {"type": "string", "format": "date-time"}
_SOURCE: dict[str, Schema] = {
    "id": _NUMBER,
    "url": _text(),
    "status": {"enum": ["queued", "crawling", "ready", "failed"]},
    "error": {"type": ["string", "null"], "description": "Why it failed, for people."},
    "created_at": _TIME,
    "updated_at": _TIME,
}
_PROGRESS: dict[str, Schema] = {
    "pages": _object(dict.fromkeys(("queued", "done", "failed", "skipped"), _COUNT)),
    "documents": _COUNT,
    "chunks": _COUNT,
    "problems": _list(_object({"url": _text(), "error": _text()})),
}
_LINK = _object({"title": _text(), "heading": _text(), "url": _text(), "page": _text()})
_PART = _object({"text": _text(), "title": _text(), "url": _text()})
_SCHEMAS: dict[str, Schema] = {
    "Error": _object({"error": _text()}),
    "NewToken": _object({"password": _text(1000), "name": _text(100)}, closed=True),
    "Token": _object({"id": _text(), "token": _text()}),
    "Source": _object(_SOURCE),
    "Sources": _object({"sources": _list(_reference("Source"))}),
    "SourceAndProgress": _object(_SOURCE | _PROGRESS),
    "Question": _object(
        {"question": _text(500)},
        {
            "channel": _text(200, f"^(?!private-|presence-){CHANNEL.pattern}$")
            | {"type": ["string", "null"], "description": "A public channel, told the answer sentence by sentence."}
        },
        closed=True,
    ),
    "Answer": _object(
        {
            "id": _text(),
            "question": _text(),
            "answer": _text(),
            "found": {"type": "boolean"},
            "links": _list(_LINK),
            "parts": _list(_PART),
        }
    ),
}
_TOKEN_ID = _text(16, "^[0-9a-f]{16}$")
_PATHS: Schema = {
    "/api/v1/tokens": {
        "post": _operation(
            "makeToken",
            "Make a token with the admin's password; it is shown this once.",
            (201, "Token"),
            (*_BODY, 401, 429),
            body="NewToken",
            open_to_all=True,
            made=("removeToken",),
        )
    },
    "/api/v1/tokens/{id}": {
        "delete": _operation("removeToken", "Make a token worthless.", (204, None), (401, 404), path_id=_TOKEN_ID),
    },
    "/api/v1/sources": {
        "get": _operation("listSources", "The sources, the newest first, at most 200.", (200, "Sources"), (401,)),
        "post": _operation(
            "addSource",
            "Add a source; crawling begins at once.",
            (201, "SourceAndProgress"),
            (*_BODY, 401, 409),
            body="NewSource",
            made=("showSource", "removeSource"),
        ),
    },
    "/api/v1/sources/{id}": {
        "get": _operation(
            "showSource", "A source and how far it is.", (200, "SourceAndProgress"), (401, 404), path_id=_NUMBER
        ),
        "delete": _operation(
            "removeSource", "Remove a source with all that was read.", (204, None), (401, 404), path_id=_NUMBER
        ),
    },
    "/api/v1/answers": {
        "post": _operation(
            "answer",
            "Answer a question with sentences of the indexed pages.",
            (200, "Answer"),
            (*_BODY, 429),
            body="Question",
            open_to_all=True,
        )
    },
}
