"""The JSON Schema is up to date, accepts the reference, and refuses what the loader refuses for its types and keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from infra.load import CLOUD_FILE
from infra.schema import SCHEMA_FILE, render, schema

Mistake = dict[str, str]
TABLE: dict[str, list[Mistake]] = yaml.safe_load(Path(__file__).with_name("mistakes.yaml").read_text(encoding="utf-8"))
BEYOND_A_SCHEMA = (  # limits with units, and what YAML itself hides from a schema
    "The smallest ", "The largest ", "It is at least 0.25vCPU", "a second time", "placeholders of a command",
    "has {stack} in it", "found no. ", "found 010. ", "found 8080.0. ",
)  # fmt: skip


def valid(text: str) -> bool:
    """Tell whether the schema accepts `text`."""
    document: Any = yaml.safe_load(text)
    return bool(jsonschema.Draft7Validator(schema()).is_valid(document))


def test_the_schema_file_is_what_the_types_say() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == render(), "type: python -m infra.schema"


def test_the_schema_itself_is_valid_and_accepts_the_reference(reference: str) -> None:
    jsonschema.Draft7Validator.check_schema(schema())
    assert valid(reference)
    assert reference.startswith("# yaml-language-server: $schema=cloud.schema.json\n")
    assert SCHEMA_FILE.parent == CLOUD_FILE.parent


@pytest.mark.parametrize(
    "mistake",
    [mistake for mistake in TABLE["independent"] if not any(words in mistake["refused"] for words in BEYOND_A_SCHEMA)],
    ids=lambda mistake: mistake["write"],
)
def test_the_schema_refuses_wrong_types_spellings_and_keys(mistake: Mistake, reference: str) -> None:
    start = reference.index(mistake["instead_of"], reference.index(mistake["in"]))
    assert not valid(reference[:start] + mistake["write"] + reference[start + len(mistake["instead_of"]) :])
