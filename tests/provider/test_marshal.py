"""Pulumi's property values as typed classes and back."""

from typing import Any

import pytest
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.rpc import UNKNOWN

from infra.provider.marshal import decode, encode, is_unknown, problems, values
from tests.support.recorder import Inputs, State

WHOLE = Inputs(
    name="n", count=3, ratio=1.5, on=True, words=("a", "b"), labels={"k": "v"}, sizes={"k": 2}, password="hidden"
)


def value(plain: Any) -> PropertyValue:
    if isinstance(plain, dict):
        return PropertyValue({key: value(part) for key, part in plain.items()})
    if isinstance(plain, list):
        return PropertyValue([value(part) for part in plain])
    return PropertyValue(float(plain) if type(plain) is int else plain)


def properties(**plain: Any) -> dict[str, PropertyValue]:
    return {name: value(part) for name, part in {"name": "n", "count": 1, **plain}.items()}


def test_a_dataclass_comes_back_as_it_was() -> None:
    assert decode(Inputs, encode(WHOLE)) == WHOLE


def test_whole_numbers_come_back_as_int_and_numbers_as_float() -> None:
    decoded = decode(Inputs, properties(count=3, ratio=2, sizes={"k": 4}))
    assert [type(decoded.count), type(decoded.ratio), type(decoded.sizes["k"])] == [int, float, int]


def test_what_is_left_out_or_null_has_its_default() -> None:
    assert decode(Inputs, properties(ratio=None, labels=None)) == Inputs("n", 1)


def test_a_secret_field_is_always_sent_as_a_secret_and_no_other_is() -> None:
    sent = encode(State(**vars(WHOLE), token="computed"))
    assert {name for name, part in sent.items() if part.is_secret} == {"password", "token"}


def test_a_secret_field_is_not_in_the_repr() -> None:
    assert "hidden" not in repr(WHOLE)
    assert "name='n'" in repr(WHOLE)


def test_a_value_that_arrives_as_a_secret_is_decoded_like_any_other() -> None:
    given = properties()
    given["labels"] = PropertyValue({"k": PropertyValue("v", is_secret=True)}, is_secret=True)
    assert decode(Inputs, given).labels == {"k": "v"}


@pytest.mark.parametrize(
    ("name", "wrong", "reason"),
    [
        ("name", 1.5, "must be a string, not a number"),
        ("name", True, "must be a string, not true or false"),
        ("name", ["a"], "must be a string, not a list or a map"),
        ("name", {"a": "b"}, "must be a string, not a list or a map"),
        ("count", "3", "must be a whole number, not a string"),
        ("count", 1.5, "must be a whole number, not a number"),
        ("count", True, "must be a whole number, not true or false"),
        ("count", float("inf"), "must be a whole number, not a number"),
        ("ratio", "1.5", "must be a number, not a string"),
        ("ratio", False, "must be a number, not true or false"),
        ("on", "false", "must be true or false, not a string"),
        ("on", 1, "must be true or false, not a number"),
        ("words", "a", "must be a list of strings"),
        ("words", {"a": "b"}, "must be a list of strings"),
        ("words", ["a", 1], "must be a string, not a number"),
        ("words", ["a", None], "must be a string, not null"),
        ("labels", ["a"], "must be a map"),
        ("labels", {"a": 1}, "must be a string, not a number"),
        ("sizes", {"a": "1"}, "must be a whole number, not a string"),
        ("sizes", {"a": None}, "must be a whole number, not null"),
        ("password", 1, "must be a string, not a number"),
    ],
)
def test_a_wrong_type_is_named_on_its_property(name: str, wrong: Any, reason: str) -> None:
    assert problems(Inputs, properties(**{name: wrong})) == {name: reason}


def test_a_reason_never_repeats_the_value() -> None:
    reasons = problems(Inputs, {**properties(), "password": PropertyValue([PropertyValue("hidden")], is_secret=True)})
    assert reasons == {"password": "must be a string, not a list or a map"}


def test_all_problems_are_found_at_once() -> None:
    assert problems(Inputs, {"name": value(1), "colour": value("red")}) == {
        "name": "must be a string, not a number",
        "count": "is missing",
        "colour": ("is not a property of this resource; it has count, labels, name, on, password, ratio, sizes, words"),
    }


def test_a_required_property_that_is_null_is_missing() -> None:
    assert problems(Inputs, properties(count=None)) == {"count": "is missing"}


def test_the_engines_own_properties_are_no_mistake() -> None:
    assert problems(Inputs, properties(__defaults=[])) == {}


@pytest.mark.parametrize(
    "unknown",
    [
        PropertyValue.computed(),
        PropertyValue(UNKNOWN),
        PropertyValue([PropertyValue("a"), PropertyValue(UNKNOWN)]),
        PropertyValue({"a": PropertyValue({"b": PropertyValue.computed()})}),
        PropertyValue(UNKNOWN, is_secret=True),
    ],
)
def test_what_a_preview_does_not_know_is_not_judged_and_left_out(unknown: PropertyValue) -> None:
    given = {**properties(), "count": unknown, "labels": unknown}
    assert is_unknown(unknown)
    assert problems(Inputs, given) == {}
    assert values(Inputs, given).keys() == {"name", "ratio", "on", "words", "sizes", "password"}


@pytest.mark.parametrize("known", ["", "a", 0, None, False, [], {}, ["a"], {"a": "b"}])
def test_what_is_known_counts_as_known(known: Any) -> None:
    assert not is_unknown(value(known))
