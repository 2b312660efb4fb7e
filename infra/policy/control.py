"""What a rule is, and what it looks at."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class Resource(Protocol):
    """A declared resource, whoever recorded it. ``inputs`` have Pulumi's names (``storageEncrypted``)."""

    @property
    def urn(self) -> str:
        """Its name in the stack."""

    @property
    def type(self) -> str:
        """Its type token."""

    @property
    def name(self) -> str:
        """Its logical name."""

    @property
    def inputs(self) -> Mapping[str, Any]:
        """What it was declared with; what isn't there isn't given."""

    @property
    def sources(self) -> Mapping[str, frozenset[str]]:
        """The URNs that each input comes from."""


Judgement = tuple[str, str]
"""The logical name of what was looked at, and what is wrong with it; empty where nothing is."""


@dataclass(frozen=True)
class Declared:
    """All that a stack declares."""

    resources: tuple[Resource, ...]

    def of(self, *types: str) -> Iterator[Resource]:
        """The resources of some types."""
        return (resource for resource in self.resources if resource.type in types)

    def parts(self, owner: Resource, type: str, property: str) -> list[Resource]:
        """The resources of a type whose property names their owner."""
        return [part for part in self.of(type) if owner.urn in part.sources.get(property, ())]


@dataclass(frozen=True)
class Control:
    """``id``: as AWS Foundational Security Best Practices call it. ``says``: what must hold. ``judge``: looks at a
    stack and gives its judgements."""

    id: str
    says: str
    fix: str
    judge: Callable[[Declared], Iterable[Judgement]]

    def problems(self, declared: Declared) -> list[str]:
        """What is wrong in a stack, in one sentence each."""
        return [f"{self.id}: {name} {wrong}. {self.fix}" for name, wrong in self.judge(declared) if wrong]

    def looked_at(self, declared: Declared) -> int:
        """How many things it judged."""
        return sum(1 for _ in self.judge(declared))


def each(type: str, wrong: Callable[[Mapping[str, Any]], str]) -> Callable[[Declared], Iterator[Judgement]]:
    """A judge of every resource of a type by its inputs."""

    def judge(declared: Declared) -> Iterator[Judgement]:
        for resource in declared.of(type):
            yield resource.name, wrong(resource.inputs)

    return judge


def want(property: str, *values: Any) -> Callable[[Mapping[str, Any]], str]:
    """A property that has one of some values."""

    def wrong(inputs: Mapping[str, Any]) -> str:
        found = inputs.get(property)
        return "" if found in values else f"has {property} {_shown(found)}"

    return wrong


def given(property: str) -> Callable[[Mapping[str, Any]], str]:
    """A property that has any value but an empty one."""
    return lambda inputs: "" if inputs.get(property) else f"has no {property}"


def never(property: str, *values: Any) -> Callable[[Mapping[str, Any]], str]:
    """A property that has none of some values, and needn't be given."""

    def wrong(inputs: Mapping[str, Any]) -> str:
        found = inputs.get(property)
        return f"has {property} {_shown(found)}" if found in values else ""

    return wrong


def at_least(property: str, least: int) -> Callable[[Mapping[str, Any]], str]:
    """A number that is not smaller than another."""

    def wrong(inputs: Mapping[str, Any]) -> str:
        found = inputs.get(property, 0)
        return "" if found >= least else f"has {property} {found:g}"

    return wrong


def _shown(value: Any) -> str:
    return "not given" if value is None else str(value)


def document(value: Any) -> Mapping[str, Any]:
    """A policy, which comes as text or as an object."""
    parsed: Mapping[str, Any] = json.loads(value) if isinstance(value, str) else value or {}
    return parsed


def statements(value: Any) -> list[Mapping[str, Any]]:
    """The statements of a policy."""
    found = document(value).get("Statement", [])
    return list(found) if isinstance(found, list) else [found]


def texts(value: Any) -> list[str]:
    """One text or several, as policies have them."""
    return [value] if isinstance(value, str) else list(value or [])


def principals(statement: Mapping[str, Any]) -> list[str]:
    """Everybody whom a statement names."""
    named = statement.get("Principal", {})
    return [named] if isinstance(named, str) else [one for kind in named.values() for one in texts(kind)]
