"""The one place where Pulumi's property values become typed classes and back.

A resource's inputs and its state are frozen dataclasses whose fields are ``str``, ``int``, ``float``, ``bool``,
``tuple[str, ...]`` or ``Mapping[str, str | int]``. A field made by :func:`secret` is wrapped as a Pulumi secret
whenever it is sent, so no resource has to remember.
"""

import dataclasses
import functools
import typing
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, TypeVar

from pulumi.provider.experimental.property_value import PropertyValue, PropertyValueType
from pulumi.runtime.rpc import UNKNOWN

type_name = {str: "a string", int: "a whole number", float: "a number", bool: "true or false", type(None): "null"}


LATER = PropertyValue(UNKNOWN)
"""A value that is known only after the update, by the protocol's mark: the library can't send its own."""


class Dataclass(Protocol):
    """Any dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


T = TypeVar("T", bound=Dataclass)


def secret(default: Any = dataclasses.MISSING) -> Any:
    """A dataclass field that is always sent as a Pulumi secret and left out of ``repr``."""
    return dataclasses.field(default=default, repr=False, metadata={"secret": True})


@functools.cache
def fields_of(cls: Any) -> dict[str, tuple[dataclasses.Field[Any], Any]]:
    """The fields of a dataclass by name, each with its resolved type."""
    hints = typing.get_type_hints(cls)
    return {field.name: (field, hints[field.name]) for field in dataclasses.fields(cls)}


def problems(cls: type[Dataclass], properties: Mapping[str, PropertyValue]) -> dict[str, str]:
    """What is wrong with ``properties`` as a ``cls``: a reason by property. Values that a preview doesn't know yet
    are not judged."""
    found = {}
    for name in properties.keys() - fields_of(cls).keys():
        if not name.startswith("__"):
            found[name] = f"is not a property of this resource; it has {', '.join(sorted(fields_of(cls)))}"
    for name, (field, hint) in fields_of(cls).items():
        value = properties.get(name)
        if value is None or value.value is None:
            if _required(field):
                found[name] = "is missing"
        elif not is_unknown(value):
            try:
                _decode(value, hint)
            except TypeError as error:
                found[name] = str(error)
    return found


def values(cls: type[Dataclass], properties: Mapping[str, PropertyValue]) -> dict[str, Any]:
    """The fields of ``cls`` that ``properties`` determine, defaults included; what a preview doesn't know yet is left
    out."""
    found = {}
    for name, (field, hint) in fields_of(cls).items():
        value = properties.get(name)
        if value is None or value.value is None:
            if not _required(field):
                found[name] = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        elif not is_unknown(value):
            found[name] = _decode(value, hint)
    return found


def decode(cls: type[T], properties: Mapping[str, PropertyValue]) -> T:
    """A ``cls`` from checked properties; what ``cls`` doesn't know is left out."""
    return cls(**values(cls, properties))


def encode(value: Dataclass) -> dict[str, PropertyValue]:
    """The properties of a dataclass, its secret fields as Pulumi secrets."""
    return {
        name: _encode(getattr(value, name)).with_secret(bool(field.metadata.get("secret")))
        for name, (field, _) in fields_of(type(value)).items()
    }


def keep_secrets(sent: Mapping[str, PropertyValue], given: Mapping[str, PropertyValue]) -> dict[str, PropertyValue]:
    """``sent`` with each property as a secret that came as one, or with one inside it, in ``given``."""
    return {
        name: value.with_secret(value.is_secret or (name in given and _holds_secret(given[name])))
        for name, value in sent.items()
    }


def is_unknown(value: PropertyValue) -> bool:
    """Whether a value, or a part of it, is known only after the update.

    The library reads the protocol's mark of an unknown value as the string that it is, so both are looked for.
    """
    if value.type == PropertyValueType.COMPUTED or value.value == UNKNOWN:
        return True
    return any(is_unknown(part) for part in _parts(value))


def _holds_secret(value: PropertyValue) -> bool:
    return value.is_secret or any(_holds_secret(part) for part in _parts(value))


def _parts(value: PropertyValue) -> Sequence[PropertyValue]:
    if isinstance(value.value, Mapping):
        return tuple(value.value.values())
    return value.value if isinstance(value.value, tuple) else ()


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _decode(value: PropertyValue, hint: Any) -> Any:
    origin = typing.get_origin(hint)
    if origin is tuple:
        if not isinstance(value.value, (list, tuple)):
            raise TypeError("must be a list of strings")
        return tuple(_decode(part, str) for part in value.value)
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value.value, Mapping):
            raise TypeError("must be a map")
        return {key: _decode(part, typing.get_args(hint)[1]) for key, part in value.value.items()}
    return _decode_scalar(value.value, hint)


def _decode_scalar(value: Any, hint: type) -> Any:
    if hint is int and isinstance(value, (int, float)) and not isinstance(value, bool) and float(value).is_integer():
        return int(value)
    if hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if hint in (str, bool) and isinstance(value, hint):
        return value
    raise TypeError(f"must be {type_name[hint]}, not {type_name.get(type(value), 'a list or a map')}")


def _encode(value: Any) -> PropertyValue:
    if isinstance(value, Mapping):
        return PropertyValue({key: _encode(part) for key, part in value.items()})
    if isinstance(value, (list, tuple)):
        return PropertyValue([_encode(part) for part in value])
    return PropertyValue(float(value) if isinstance(value, int) and not isinstance(value, bool) else value)
