"""The resources that the program declares are those of the plugin: same names, same types, same defaults."""

import collections.abc
import dataclasses
import inspect
import types
import typing
from typing import Any

import pulumi
import pytest

from infra import resources
from infra.provider.marshal import fields_of
from infra.provider.plugin import RESOURCES, resource_of
from infra.resources import PluginResource
from infra.targets.aws import resources as aws
from infra.targets.local import resources as local

DECLARED = {
    cls.token: cls
    for module in (resources, local, aws)
    for _, cls in inspect.getmembers(module, inspect.isclass)
    if issubclass(cls, PluginResource) and cls is not PluginResource
}
TOKENS = sorted(DECLARED)


def plugins(token: str) -> Any:
    return resource_of(token)


def arguments_of(token: str) -> Any:
    declared = DECLARED[token]
    return getattr(inspect.getmodule(declared), f"{declared.__name__}Args")


def plain(hint: Any) -> Any:
    """A type without Pulumi's wrapping: what is left of it when every value is known."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return plain(parts[0])  # Input[T] is T, an awaitable or an output of it; an optional input is Input[T] or None.
    if origin is pulumi.Output:
        return plain(parts[0])
    if origin in (collections.abc.Sequence, tuple):
        return ("list", plain(parts[0]))
    if origin is collections.abc.Mapping:
        return ("map", plain(parts[0]), plain(parts[1]))
    return hint


def test_every_type_of_the_plugin_can_be_declared_and_no_other() -> None:
    assert set(DECLARED) == set(RESOURCES)


def test_whatever_has_one_place_in_an_environment_is_deleted_before_it_is_replaced() -> None:
    several = {"Migration", "Renewal", "Service", "Verification"}
    names = {cls.__name__: cls.singleton for token, cls in DECLARED.items() if token.startswith("pitchbar:local:")}
    assert {name for name, singleton in names.items() if not singleton} == several


@pytest.mark.parametrize("token", TOKENS)
def test_a_type_has_the_same_name_on_both_sides(token: str) -> None:
    name = token.rpartition(":")[2]
    assert DECLARED[token].__name__ == name
    assert type(plugins(token)).__name__ == f"{name}Resource"


@pytest.mark.parametrize("token", TOKENS)
def test_arguments_are_the_plugins_inputs(token: str) -> None:
    arguments, inputs = arguments_of(token), plugins(token).inputs
    assert {field.name: plain(field.type) for field in dataclasses.fields(arguments)} == {
        name: plain(hint) for name, (_, hint) in fields_of(inputs).items()
    }


@pytest.mark.parametrize("token", TOKENS)
def test_arguments_have_the_plugins_defaults(token: str) -> None:
    inputs = fields_of(plugins(token).inputs)
    for field in dataclasses.fields(arguments_of(token)):
        there = inputs[field.name][0]
        if field.default is None:  # Left out, so that the plugin's default, a new map, is used.
            assert there.default_factory is not dataclasses.MISSING
        else:
            assert field.default == there.default, f"{field.name} of {token}"


@pytest.mark.parametrize("token", TOKENS)
def test_computed_properties_are_what_the_plugins_state_adds(token: str) -> None:
    resource = plugins(token)
    assert set(DECLARED[token].computed) == fields_of(resource.state).keys() - fields_of(resource.inputs).keys()


@pytest.mark.parametrize("token", TOKENS)
def test_outputs_are_in_the_plugins_state_with_their_types(token: str) -> None:
    state = fields_of(plugins(token).state)
    outputs = DECLARED[token].__annotations__
    assert {name: plain(hint) for name, hint in outputs.items()} == {name: plain(state[name][1]) for name in outputs}


def test_the_comparison_sees_a_difference() -> None:
    """Two types that only wrapping makes alike are alike, and no others."""
    given: Any = pulumi.Input
    assert plain(given[str]) is str
    assert plain(given[collections.abc.Mapping[str, given[int]]]) == ("map", str, int)
    assert plain(tuple[str, ...]) == plain(given[collections.abc.Sequence[str]])
    assert plain(pulumi.Output[str]) != plain(pulumi.Output[int])
