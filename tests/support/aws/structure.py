"""A structural checker: what is wrong with the inputs of a resource of pulumi-aws, pulumi-cloudflare or pulumi-docker.

The wheels ship no schema, but each resource's ``…Args`` class says with its types what the provider takes. So a name
that the provider doesn't know, a value of the wrong type or a missing one is found at any depth, without a provider.
"""

from __future__ import annotations

import collections.abc
import difflib
import enum
import functools
import importlib
import json
import sys
import typing
from collections.abc import Iterator, Mapping
from typing import Any

import pulumi
import pulumi._types
from pulumi.provider.experimental.property_value import Computed
from pulumi.runtime import rpc
from pulumi.runtime.rpc import UNKNOWN

_types: Any = pulumi._types
PACKAGES = ("aws", "cloudflare", "docker")
_NAMES = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


class UnknownToken(LookupError):
    """No wheel has a resource of this token."""


def problems(token: str, inputs: Mapping[str, Any]) -> list[str]:
    """Say what is wrong with inputs as the engine receives them: one sentence each, with the property's path."""
    try:
        cls = args_class(token)
    except UnknownToken as error:
        return [str(error)]
    if token.startswith("pulumi:providers:"):
        inputs = {name: _decoded(value) for name, value in inputs.items()}
    return list(_object(inputs, cls, token))


@functools.cache
def args_class(token: str) -> Any:
    """The class of a resource's arguments; raises :class:`UnknownToken`."""
    module, name = home(token)
    cls = getattr(importlib.import_module(module), name)
    beside = sys.modules[cls.__module__]
    found = getattr(beside, f"{name}InitArgs", None) or getattr(beside, f"{name}Args", None)
    assert found is not None and _types.is_input_type(found), f"{token} has no arguments"
    return found


def properties(token: str) -> frozenset[str]:
    """The names of a resource's inputs; raises :class:`UnknownToken`."""
    return frozenset(_properties(args_class(token)))


def tokens(package: str) -> tuple[str, ...]:
    """Every resource's token in a package."""
    importlib.import_module(f"pulumi_{package}")
    modules = (module for key, found in rpc._RESOURCE_MODULES.items() for module in found if key.startswith(package))
    return tuple(token for module in modules for token in typing.cast(Any, module).mod_info["classes"])


def home(token: str) -> tuple[str, str]:
    """The module and the name of a resource's class; raises :class:`UnknownToken`."""
    package, _, rest = token.partition(":")
    if token.startswith("pulumi:providers:") and token.rpartition(":")[2] in PACKAGES:
        return f"pulumi_{token.rpartition(':')[2]}", "Provider"
    if package in PACKAGES and token.count(":") == 2:
        importlib.import_module(f"pulumi_{package}")
        registered: Any = rpc.get_resource_module(package, rest.partition(":")[0], "")
        if registered and token in registered.mod_info["classes"]:
            return registered.mod_info["fqn"], registered.mod_info["classes"][token]
    raise UnknownToken(f"{token} is no resource of pulumi-{package}")


@functools.cache
def _properties(cls: Any) -> Mapping[str, Any]:
    """The types of an arguments class by the name that the engine sees."""
    hints: Mapping[str, Any] = _types._raw_return_hints(cls)
    return hints


def _object(value: Any, cls: Any, path: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{path} is {_shown(value)}, not an object"
        return
    known = _properties(cls)
    for name, part in value.items():
        if name.startswith("__"):
            continue
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            yield f"{path}.{name} is unknown" + (f"; {close[0]} was probably meant" if close else "")
        elif part is not None:
            yield from _value(part, known[name], f"{path}.{name}")
    for name, hint in known.items():
        if value.get(name) is None and not _types._is_optional_type(hint):
            yield f"{path}.{name} is missing"


def _value(value: Any, hint: Any, path: str) -> Iterator[str]:
    """What is wrong with a value of a declared type."""
    if hint is Any or isinstance(value, Computed) or value == UNKNOWN:
        return
    members = _members(hint)
    if len(members) != 1:
        tries = [list(_value(value, member, path)) for member in members]
        yield from min(tries, key=len, default=[])
        return
    [hint] = members
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (collections.abc.Sequence, list):
        if not isinstance(value, (list, tuple)):
            yield f"{path} is {_shown(value)}, not a list"
            return
        for number, part in enumerate(value):
            yield from _value(part, arguments[0], f"{path}[{number}]")
    elif origin in (collections.abc.Mapping, dict):
        if not isinstance(value, Mapping):
            yield f"{path} is {_shown(value)}, not a map"
            return
        for name, part in value.items():
            yield from _value(part, arguments[1], f"{path}.{name}")
    elif _types.is_input_type(hint):
        yield from _object(value, hint, path)
    elif not _is(value, hint):
        yield f"{path} is {_shown(value)}, not {_NAMES.get(hint, getattr(hint, '__name__', hint))}"


@functools.cache
def _members(hint: Any) -> tuple[Any, ...]:
    """The types that a value may have, without what only Python needs: outputs, awaitables and typed dictionaries."""
    if not _types._is_union_type(hint):
        return (hint,)
    wanted = (part for part in typing.get_args(hint) if part is not type(None) and not _types._is_plumbing_arg(part))
    return tuple(dict.fromkeys(wanted))


def _is(value: Any, hint: Any) -> bool:
    if hint is bool or isinstance(value, bool):
        return hint is bool and isinstance(value, bool)
    if hint in (int, float):
        return isinstance(value, (int, float)) and (hint is float or float(value).is_integer())
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return value in {member.value for member in hint}
    if isinstance(hint, type) and issubclass(hint, (pulumi.Asset, pulumi.Archive)):
        return isinstance(value, (pulumi.Asset, pulumi.Archive))
    return isinstance(value, hint)


def _decoded(value: Any) -> Any:
    """A provider's own setting, which the engine gets as JSON in a text where it isn't a text itself."""
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        return value


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else f"{value!r}"
