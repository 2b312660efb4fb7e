"""What a program declared as a CloudFormation template, so that cfn-lint and checkov can judge it.

Most properties have the same name in both; what has another, or none, is in :mod:`tests.support.aws.cfn_types`. Nothing
is left out silently: types and properties that no rule converts are given back.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from tests.support.aws.cfn_parts import ATTACHED
from tests.support.aws.cfn_types import AUTONAMED, COMMON, TYPES, Type
from tests.support.engine import Registered


@dataclass
class Conversion:
    """The template, and what is not in it."""

    resources: dict[str, Any] = field(default_factory=dict)
    types_left: set[str] = field(default_factory=set)
    properties_left: set[str] = field(default_factory=set)

    def template(self) -> str:
        """The template's text."""
        return json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": self.resources}, indent=1)


def convert(resources: Iterable[Registered]) -> Conversion:
    """Convert what is AWS's; components and other providers' resources are passed over."""
    done, own = Conversion(), [each for each in resources if each.type.startswith("aws:")]
    names = {each.urn: logical_name(each) for each in own}
    for resource in own:
        kind = TYPES.get(resource.type)
        if kind:
            properties = _properties(resource, kind, done)
            done.resources[names[resource.urn]] = {"Type": kind.name, "Properties": properties}
    for resource in own:
        if resource.type in ATTACHED:
            _attach(resource, names, done)
        elif resource.type not in TYPES:
            done.types_left.add(resource.type)
    return done


def logical_name(resource: Registered) -> str:
    """The name of a resource in a template, which has only letters and digits."""
    words = re.findall(r"[A-Za-z0-9]+", f"{resource.name} {resource.type.rpartition(':')[2]}")
    return "".join(word[0].upper() + word[1:] for word in words)


def _attach(resource: Registered, names: Mapping[str, str], done: Conversion) -> None:
    """Put what AWS sees as a part of another resource where CloudFormation has it."""
    part = ATTACHED[resource.type]
    [owner] = resource.sources.get(part.owner) or [""]
    target = done.resources.get(names.get(owner, ""))
    if target is None:
        done.properties_left.add(f"{resource.type} of {owner or 'nothing'}")
        return
    for name, value in part.properties(dict(resource.inputs)).items():
        before = target["Properties"].get(name)
        target["Properties"][name] = before + value if isinstance(before, list) else value


def _properties(resource: Registered, kind: Type, done: Conversion) -> dict[str, Any]:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind.name).schema
    left: set[str] = set()
    inputs = {name: value for name, value in resource.inputs.items() if name not in COMMON}
    result: dict[str, Any] = {name: resource.name if value is AUTONAMED else value for name, value in kind.made.items()}
    for name, value in kind.special.items():
        if name in inputs:
            merge(result, value(inputs.pop(name)))
    merge(result, _object(inputs, schema, Walk(schema, kind.renames, left), ""))
    done.properties_left |= {f"{resource.type} {path}" for path in left}
    return result


@dataclass(frozen=True)
class Walk:
    """What holds for a whole resource while its properties are converted."""

    schema: Mapping[str, Any]
    renames: Mapping[str, str | None]
    left: set[str]

    def resolve(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        """A node of the schema behind its reference."""
        while "$ref" in node:
            node = functools.reduce(lambda found, step: found[step], node["$ref"][2:].split("/"), self.schema)
        return node


def merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add nested properties; lists are joined."""
    for name, value in more.items():
        if isinstance(value, Mapping) and isinstance(into.get(name), dict):
            merge(into[name], value)
        elif isinstance(value, list) and isinstance(into.get(name), list):
            into[name] = into[name] + value
        else:
            into[name] = value


def _object(value: Mapping[str, Any], node: Mapping[str, Any], walk: Walk, path: str) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, part in value.items():
        inside = f"{path}.{name}" if path else name
        target = walk.renames[inside] if inside in walk.renames else _same(name, node, walk)
        if target is None:
            if inside not in walk.renames:
                walk.left.add(inside)
            continue
        deeper = node
        for step in target.split("."):
            deeper = walk.resolve(deeper.get("properties", {})[step])
        converted = _value(part, deeper, walk, inside)
        for step in reversed(target.split(".")):
            converted = {step: converted}
        merge(result, converted)
    return result


def _same(name: str, node: Mapping[str, Any], walk: Walk) -> str | None:
    """CloudFormation's property with the same name, in the singular or the plural."""
    there = {key.lower(): key for key in node.get("properties", {})}
    return next((there[variant] for variant in _variants(name.lower()) if variant in there), None)


def _variants(name: str) -> Iterator[str]:
    yield name
    yield f"{name}s"
    if name.endswith("ies"):
        yield f"{name[:-3]}y"
    if name.endswith("s"):
        yield name[:-1]


def _value(value: Any, node: Mapping[str, Any], walk: Walk, path: str) -> Any:
    node = walk.resolve(node)
    types = node.get("type", ())
    types = (types,) if isinstance(types, str) else tuple(types)
    if isinstance(value, str) and not ({"string"} & set(types)) and value[:1] in "[{":
        value = json.loads(value)
    if isinstance(value, str) and "object" in types and value[:1] == "{":
        return json.loads(value)
    if isinstance(value, list):
        return [_value(part, node.get("items", {}), walk, path) for part in value]
    if isinstance(value, Mapping) and types == ("array",):
        return [_value(value, node.get("items", {}), walk, path)]
    if isinstance(value, Mapping):
        return _object(value, node, walk, path) if "properties" in node else {k: number(v) for k, v in value.items()}
    if isinstance(value, str) and value.isdigit() and types in (("integer",), ("number",)):
        return int(value)
    if types == ("string",) and not isinstance(value, str):
        return str(value).lower() if isinstance(value, bool) else str(number(value))
    return number(value)


def number(value: Any) -> Any:
    """A whole number as one, wherever in a value it is."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {name: number(part) for name, part in value.items()}
    return [number(part) for part in value] if isinstance(value, list) else value


def lint(template: str) -> list[str]:
    """What cfn-lint calls an error in a template."""
    import cfnlint.api  # It takes a second, which only this needs.

    found = cfnlint.api.lint(template, regions=["us-east-1"])
    return [
        f"{match.rule.id} {'.'.join(map(str, match.path or ()))}: {match.message}"
        for match in found
        if match.rule.id.startswith("E")
    ]
