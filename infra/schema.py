"""The JSON Schema of `infra/cloud.yaml`, generated from the types: `python -m infra.schema` writes it.

Editors use it while one types. It knows keys, types and spellings; limits that span values are the loader's.
"""

import json
from dataclasses import MISSING, Field, is_dataclass
from typing import Any, Literal, get_args, get_origin

from infra.load import CLOUD_FILE, ENVIRONMENTS
from infra.model import Cloud, Environment
from infra.reader import settable, unwrap

SCHEMA_FILE = CLOUD_FILE.with_name("cloud.schema.json")


def schema() -> dict[str, Any]:
    """Build the schema of the whole file."""
    definitions: dict[str, Any] = {}
    top = {field.name: _property(field, definitions) for field in settable(Cloud)}
    environment = _reference(Environment, definitions)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "What Pitchbar needs (infra/cloud.yaml)",
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "environments"],
        "properties": {
            **top,
            "defaults": {"description": "A whole environment, from which each environment differs.", **environment},
            "environments": {
                "description": "How each environment differs from the defaults.",
                "type": "object",
                "additionalProperties": False,
                "required": list(ENVIRONMENTS),
                "properties": {name: {"anyOf": [environment, {"type": "null"}]} for name in ENVIRONMENTS},
            },
        },
        "definitions": definitions,
    }


def render() -> str:
    """Give the text of the schema's file."""
    return json.dumps(schema(), indent=2) + "\n"


def _property(field: Field[Any], definitions: dict[str, Any]) -> dict[str, Any]:
    base, optional, kind, description = unwrap(field.type)
    described: dict[str, Any] = {"description": description, **_type(base, kind, definitions)}
    if get_origin(base) is tuple:
        described.update(_list_limits(field.name))
    default: Any = field.default
    if isinstance(default, tuple):
        described["default"] = list(default)
    elif default is not MISSING and default is not None and not is_dataclass(default):
        described["default"] = kind.show(default) if kind and described["type"] == "string" else default
    return {"anyOf": [described, {"type": "null"}]} if optional else described


def _list_limits(name: str) -> dict[str, Any]:
    limits = {"minItems": 0 if name == "require" else 1}
    return limits if name in ("bundled", "laravel") else {**limits, "uniqueItems": True}


def _type(base: Any, kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if is_dataclass(base) and isinstance(base, type):
        return _reference(base, definitions)
    if get_origin(base) is tuple:
        inner, _, inner_kind, _ = unwrap(get_args(base)[0])
        return {"type": "array", "items": _type(inner, inner_kind, definitions)}
    if get_origin(base) is Literal:
        return {"enum": list(get_args(base))}
    if base is bool:
        return {"type": "boolean"}
    described: dict[str, Any] = kind.schema()
    return described


def _reference(cls: type, definitions: dict[str, Any]) -> dict[str, Any]:
    """Describe `cls` once; no key is required there, because an environment may say only how it differs."""
    if cls.__name__ not in definitions:
        definitions[cls.__name__] = {}
        definitions[cls.__name__] = {
            "description": (cls.__doc__ or "").partition("\n")[0],
            "type": "object",
            "additionalProperties": False,
            "properties": {field.name: _property(field, definitions) for field in settable(cls)},
        }
    return {"$ref": f"#/definitions/{cls.__name__}"}


if __name__ == "__main__":
    SCHEMA_FILE.write_text(render(), encoding="utf-8")
