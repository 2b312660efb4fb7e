"""A recording engine: runs a Pulumi program without effects and gives all that it registered, once all has landed.

Nothing can be asserted too early: :func:`render` returns only after the last registration, and it is the only way in.
What a resource gives back is made from the plugin's own typed state, so a secret output is one here as well.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime import mocks, settings
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.stack import Stack

from infra.provider.marshal import fields_of
from infra.provider.plugin import RESOURCES, resource_of

PROJECT = "pitchbar"


@dataclass(frozen=True)
class Registered:
    """One resource that the program declared."""

    urn: str
    type: str
    name: str
    parent: str
    """The parent's URN; empty for none."""
    custom: bool
    inputs: Mapping[str, Any]
    secrets: frozenset[str]
    """The inputs that are secrets; of one inside a map, ``name.key``."""
    dependencies: frozenset[str]
    """The URNs of all that it needs, said or by its inputs."""


@dataclass(frozen=True)
class Recording:
    """All that a program declared, and its outputs."""

    resources: tuple[Registered, ...]
    outputs: Mapping[str, Any] = field(default_factory=dict)
    secret_outputs: frozenset[str] = frozenset()

    def __iter__(self) -> Iterator[Registered]:
        return iter(self.resources)

    def of(self, type: str) -> tuple[Registered, ...]:
        """The resources of a type."""
        return tuple(resource for resource in self.resources if resource.type == type)

    def one(self, type: str) -> Registered:
        """The only resource of a type."""
        [resource] = self.of(type)
        return resource

    def needs(self, urn: str) -> frozenset[str]:
        """The URNs of all that a resource needs, directly or through others."""
        direct = {resource.urn: resource.dependencies for resource in self.resources}
        found: set[str] = set()
        waiting = set(direct[urn])
        while waiting:
            next_one = waiting.pop()
            found.add(next_one)
            waiting |= direct.get(next_one, frozenset()) - found
        return frozenset(found)


def render(
    program: Callable[[], object], *, stack: str = "local", config: Mapping[str, str] | None = None
) -> Recording:
    """Run a program to its end and give what it declared."""
    assert not inspect.iscoroutinefunction(program), "a program declares; it does not await"
    monitor = _Monitor()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    pulumi.runtime.set_all_config(dict(config or {}))
    settings.ROOT.set(None)
    pulumi.runtime.set_mocks(_Nothing(), project=PROJECT, stack=stack, preview=False, monitor=monitor)
    outputs: dict[str, tuple[Any, bool]] = {}

    async def note(exported: Mapping[str, Any]) -> None:
        for name, value in exported.items():
            output = pulumi.Output.from_input(value)
            outputs[name] = (await output.future(), await output.is_secret())

    def run() -> Any:
        program()
        root = settings.get_root_resource()
        assert isinstance(root, Stack)
        return note(root.outputs)

    test: Any = mocks.test  # It runs the event loop until every registration has landed.
    test(run)()
    loop.close()
    asyncio.set_event_loop(None)
    assert monitor.registered, "the program declared nothing"
    return Recording(
        tuple(monitor.registered),
        {name: value for name, (value, _) in outputs.items()},
        frozenset(name for name, (_, secret) in outputs.items() if secret),
    )


class _Nothing(mocks.Mocks):
    """No provider's function may be called by a program of ours."""

    def call(self, args: mocks.MockCallArgs) -> Any:
        raise AssertionError(f"the program called {args.token}")

    def new_resource(self, args: mocks.MockResourceArgs) -> Any:
        raise AssertionError(f"the program read {args.typ}")


class _Monitor(mocks.MockMonitor):
    """Records each registration with its parent, which the library's own mocks leave out."""

    def __init__(self) -> None:
        super().__init__(_Nothing())
        self.registered: list[Registered] = []

    def RegisterResource(self, request: Any) -> Any:
        """Note a registration and answer it."""
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == "pulumi:pulumi:Stack":
            return resource_pb2.RegisterResourceResponse(urn=urn)
        assert urn not in {other.urn for other in self.registered}, f"{urn} was declared twice"
        inputs = PropertyValue.unmarshal_map(request.object)
        self.registered.append(
            Registered(
                urn=urn,
                type=request.type,
                name=request.name,
                parent=request.parent,
                custom=request.custom,
                inputs={name: plain(value) for name, value in inputs.items() if value.value is not None},
                secrets=frozenset(_secrets(inputs)),
                dependencies=frozenset(request.dependencies),
            )
        )
        state = _answer(request.type, request.name, inputs) if request.custom else {}
        return resource_pb2.RegisterResourceResponse(
            urn=urn, id=f"id-of-{request.name}" if request.custom else "", object=PropertyValue.marshal_map(state)
        )


def plain(value: PropertyValue) -> Any:
    """A property's value without its wrapping."""
    if isinstance(value.value, Mapping):
        return {name: plain(part) for name, part in value.value.items()}
    if isinstance(value.value, tuple):
        return [plain(part) for part in value.value]
    return value.value


def _secrets(properties: Mapping[str, PropertyValue], prefix: str = "") -> Iterator[str]:
    for name, value in properties.items():
        if value.is_secret:
            yield f"{prefix}{name}"
        if isinstance(value.value, Mapping):
            yield from _secrets(value.value, f"{prefix}{name}.")


def _answer(type: str, name: str, inputs: Mapping[str, PropertyValue]) -> dict[str, PropertyValue]:
    """The state after a create: the inputs, and for each computed field a value that names where it comes from."""
    assert type in RESOURCES, f"{type} is no type of the plugin"
    resource: Any = resource_of(type)
    state = dict(inputs)
    for field_name in fields_of(resource.state).keys() - fields_of(resource.inputs).keys():
        definition, hint = fields_of(resource.state)[field_name]
        value: Any = {str: f"{name}.{field_name}", int: 20000.0 + len(name), bool: True}.get(hint, {})
        state[field_name] = PropertyValue(value).with_secret(bool(definition.metadata.get("secret")))
    return state
