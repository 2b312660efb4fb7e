"""A recording engine: runs a Pulumi program without effects and gives all that it registered, once all has landed.

Nothing can be asserted too early: :func:`render` returns only after the last registration, and it is the only way in.
What a resource gives back is made from the plugin's own typed state, so a secret output is one here as well; for the
resources of other providers a :class:`Double` answers.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import pulumi
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime import mocks, settings
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.stack import Stack

from infra.provider.marshal import fields_of
from infra.provider.plugin import RESOURCES, resource_of

PROJECT = "pitchbar"


class Double(Protocol):
    """What stands in for other providers than ours: it judges what they would be asked, and answers plausibly."""

    def problems(self, type: str, inputs: Mapping[str, Any]) -> list[str]:
        """Say what is wrong with a resource's inputs."""

    def create(
        self, type: str, name: str, inputs: Mapping[str, PropertyValue]
    ) -> tuple[str, Mapping[str, PropertyValue]]:
        """Give a new resource's id and its state."""

    def read(self, type: str, name: str, id: str, inputs: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Give the id and the state of something that is there already."""

    def call(self, token: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a function of a provider."""


@dataclass(frozen=True)
class Options:
    """What a program said about a resource besides its inputs."""

    protect: bool = False
    retain_on_delete: bool = False
    delete_before_replace: bool = False
    deleted_with: str = ""
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    secret_outputs: tuple[str, ...] = ()
    provider: str = ""
    """URN and id of the explicit provider; empty for the default one."""


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
    options: Options = Options()
    sources: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The URNs that each input comes from."""


@dataclass(frozen=True)
class Recording:
    """All that a program declared, in the order of the URNs (that of registering is asyncio's), and its outputs."""

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
    program: Callable[[], object],
    *,
    stack: str = "local",
    config: Mapping[str, str] | None = None,
    double: Double | None = None,
) -> Recording:
    """Run a program to its end and give what it declared."""
    assert not inspect.iscoroutinefunction(program), "a program declares; it does not await"
    double = double or _Nothing()
    monitor = _Monitor(double)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    pulumi.runtime.set_all_config(dict(config or {}))
    settings.ROOT.set(None)
    pulumi.runtime.set_mocks(_Mocks(double), project=PROJECT, stack=stack, preview=False, monitor=monitor)
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
    assert not monitor.problems, "\n".join(monitor.problems)
    return Recording(
        tuple(sorted(monitor.registered, key=lambda resource: resource.urn)),
        {name: value for name, (value, _) in outputs.items()},
        frozenset(name for name, (_, secret) in outputs.items() if secret),
    )


class _Nothing:
    """No other provider may be asked for anything."""

    def problems(self, type: str, inputs: Mapping[str, Any]) -> list[str]:
        return [f"{type} is no type of the plugin"]

    def create(self, type: str, name: str, inputs: Mapping[str, PropertyValue]) -> tuple[str, dict[str, PropertyValue]]:
        return "", dict(inputs)

    def read(self, type: str, name: str, id: str, inputs: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        raise AssertionError(f"the program read {type}")

    def call(self, token: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        raise AssertionError(f"the program called {token}")


class _Mocks(mocks.Mocks):
    """A double as the library wants it."""

    def __init__(self, double: Double) -> None:
        self.double = double

    def call(self, args: mocks.MockCallArgs) -> Any:
        return self.double.call(args.token, args.args)

    def new_resource(self, args: mocks.MockResourceArgs) -> Any:
        return self.double.read(args.typ, args.name, args.resource_id or "", args.inputs)


class _Monitor(mocks.MockMonitor):
    """Records each registration with its parent and its options, which the library's own mocks leave out."""

    def __init__(self, double: Double) -> None:
        super().__init__(_Mocks(double))
        self.double = double
        self.registered: list[Registered] = []
        self.problems: list[str] = []

    def RegisterResource(self, request: Any) -> Any:
        """Note a registration and answer it."""
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == "pulumi:pulumi:Stack":
            return resource_pb2.RegisterResourceResponse(urn=urn)
        assert urn not in {other.urn for other in self.registered}, f"{urn} was declared twice"
        inputs = PropertyValue.unmarshal_map(request.object)
        registered = Registered(
            urn=urn,
            type=request.type,
            name=request.name,
            parent=request.parent,
            custom=request.custom,
            inputs={name: plain(value) for name, value in inputs.items() if value.value is not None},
            secrets=frozenset(_secrets(inputs)),
            dependencies=frozenset(request.dependencies),
            options=_options(request),
            sources={name: frozenset(found.urns) for name, found in request.propertyDependencies.items() if found.urns},
        )
        self.registered.append(registered)
        id, state = self._create(registered, inputs) if request.custom else ("", {})
        return resource_pb2.RegisterResourceResponse(urn=urn, id=id, object=PropertyValue.marshal_map(dict(state)))

    def _create(
        self, resource: Registered, inputs: Mapping[str, PropertyValue]
    ) -> tuple[str, Mapping[str, PropertyValue]]:
        if resource.type in RESOURCES:
            return f"id-of-{resource.name}", _answer(resource.type, resource.name, inputs)
        found = self.double.problems(resource.type, resource.inputs)
        self.problems += [f"{resource.name}: {problem}" for problem in found]
        return self.double.create(resource.type, resource.name, inputs) if not found else ("", inputs)


def _options(request: Any) -> Options:
    return Options(
        protect=request.protect,
        retain_on_delete=request.retainOnDelete,
        delete_before_replace=request.deleteBeforeReplace,
        deleted_with=request.deletedWith,
        ignore_changes=tuple(request.ignoreChanges),
        replace_on_changes=tuple(request.replaceOnChanges),
        secret_outputs=tuple(request.additionalSecretOutputs),
        provider=request.provider,
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
        elif isinstance(value.value, tuple):
            for number, part in enumerate(value.value):
                yield from _secrets({f"{name}.{number}": part}, prefix)


def _answer(type: str, name: str, inputs: Mapping[str, PropertyValue]) -> dict[str, PropertyValue]:
    """The state after a create: the inputs, and for each computed field a value that names where it comes from."""
    resource: Any = resource_of(type)
    state = dict(inputs)
    for field_name in fields_of(resource.state).keys() - fields_of(resource.inputs).keys():
        definition, hint = fields_of(resource.state)[field_name]
        value: Any = {str: f"{name}.{field_name}", int: 20000.0 + len(name), bool: True}.get(hint, {})
        state[field_name] = PropertyValue(value).with_secret(bool(definition.metadata.get("secret")))
    return state
