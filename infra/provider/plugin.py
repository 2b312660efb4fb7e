"""The plugin's provider: dispatches Pulumi's requests to the resource classes."""

import asyncio
import dataclasses
import importlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pulumi.provider.experimental import provider as rpc
from pulumi.provider.experimental.property_value import PropertyValue

from infra.errors import UserError
from infra.provider import cancellation
from infra.provider.base import Resource
from infra.provider.marshal import LATER, decode, encode, is_unknown, keep_secrets, problems, values

R = TypeVar("R")
Properties = dict[str, PropertyValue]

RESOURCES = {
    "pitchbar:index:Secret": "infra.provider.secret:SecretResource",
    "pitchbar:local:Supervisor": "infra.provider.local.supervisor:SupervisorResource",
    "pitchbar:local:Postgres": "infra.provider.local.postgres:PostgresResource",
    "pitchbar:local:BackupServer": "infra.provider.local.backup_server:BackupServerResource",
    "pitchbar:local:Redis": "infra.provider.local.redis:RedisResource",
    "pitchbar:local:Release": "infra.provider.local.release:ReleaseResource",
    "pitchbar:local:Migration": "infra.provider.local.migration:MigrationResource",
    "pitchbar:local:Renewal": "infra.provider.local.renewal:RenewalResource",
    "pitchbar:local:Service": "infra.provider.local.service:ServiceResource",
    "pitchbar:local:Verification": "infra.provider.local.verification:VerificationResource",
    "pitchbar:local:Gateway": "infra.provider.local.gateway:GatewayResource",
    "pitchbar:local:CronRuntime": "infra.provider.local.cron_runtime:CronRuntimeResource",
    "pitchbar:local:CronWorker": "infra.provider.local.cron_worker:CronWorkerResource",
    "pitchbar:local:Route": "infra.provider.local.route:RouteResource",
    "pitchbar:aws:Migration": "infra.provider.aws.migration:MigrationResource",
    "pitchbar:aws:Renewal": "infra.provider.aws.renewal:RenewalResource",
    "pitchbar:aws:Database": "infra.provider.aws.database:DatabaseResource",
    "pitchbar:aws:Verification": "infra.provider.aws.verification:VerificationResource",
    "pitchbar:aws:FirstTick": "infra.provider.aws.first_tick:FirstTickResource",
}
"""Resource classes by type token; imported when first used, so that a stack loads only what it has."""


class PitchbarProvider(rpc.Provider):
    """Pulumi's provider interface over :data:`RESOURCES`."""

    async def cancel(self) -> None:
        cancellation.cancel()

    async def check_config(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        return rpc.CheckResponse(inputs=request.new_inputs)

    async def diff_config(self, request: rpc.DiffRequest) -> rpc.DiffResponse:
        return rpc.DiffResponse(changes=False)

    async def configure(self, request: rpc.ConfigureRequest) -> rpc.ConfigureResponse:
        return rpc.ConfigureResponse(
            accept_secrets=True, supports_preview=True, accept_outputs=False, accept_resources=False
        )

    async def check(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        resource = resource_of(request.type)
        properties = request.new_inputs
        reasons: Mapping[str, str] = problems(resource.inputs, properties)
        if not reasons and not any(is_unknown(value) for value in properties.values()):
            reasons = resource.check(decode(resource.inputs, properties))
        return rpc.CheckResponse(inputs=properties, failures=[rpc.CheckFailure(*item) for item in reasons.items()])

    async def diff(self, request: rpc.DiffRequest) -> rpc.DiffResponse:
        resource = resource_of(request.type)
        state = decode(resource.state, request.old_state)
        changed = _changed(resource, state, request.new_inputs)
        drifted = resource.drift(state)
        replaced = changed & resource.replaces
        kinds = dict.fromkeys(changed | drifted, rpc.PropertyDiffKind.UPDATE)
        kinds.update(dict.fromkeys(replaced, rpc.PropertyDiffKind.UPDATE_REPLACE))
        return rpc.DiffResponse(
            changes=bool(kinds),
            replaces=sorted(replaced),
            diffs=sorted(kinds),
            detailed_diff={name: rpc.PropertyDiff(kind, name in changed) for name, kind in kinds.items()},
            delete_before_replace=False,
        )

    async def create(self, request: rpc.CreateRequest) -> rpc.CreateResponse:
        resource = resource_of(request.type)
        if request.preview:
            return rpc.CreateResponse(resource_id="", properties=request.properties)
        id, state = await _off_the_loop(resource.create, decode(resource.inputs, request.properties))
        return rpc.CreateResponse(resource_id=id, properties=keep_secrets(encode(state), request.properties))

    async def read(self, request: rpc.ReadRequest) -> rpc.ReadResponse:
        resource = resource_of(request.type)
        if not request.properties:
            raise UserError(
                f"{_own(request.type)} can't be imported: it is made by the program. "
                "Remove the import and run `pulumi up`."
            )
        state = await _off_the_loop(resource.read, request.resource_id, decode(resource.state, request.properties))
        if state is None:
            return rpc.ReadResponse(resource_id="", properties={}, inputs={})
        properties = keep_secrets(encode(state), request.properties)
        return rpc.ReadResponse(resource_id=request.resource_id, properties=properties, inputs=request.inputs)

    async def update(self, request: rpc.UpdateRequest) -> rpc.UpdateResponse:
        resource = resource_of(request.type)
        state = decode(resource.state, request.olds)
        if request.preview:
            known = keep_secrets(encode(state), request.olds)
            later = _known_later(resource, known, _changed(resource, state, request.news))
            return rpc.UpdateResponse(properties={**known, **later, **request.news})
        inputs = decode(resource.inputs, request.news)
        updated = await _off_the_loop(resource.update, request.resource_id, state, inputs)
        return rpc.UpdateResponse(properties=keep_secrets(encode(updated), request.news))

    async def delete(self, request: rpc.DeleteRequest) -> None:
        resource = resource_of(request.type)
        await _off_the_loop(resource.delete, request.resource_id, decode(resource.state, request.properties))


def resource_of(token: str) -> Resource[Any, Any]:
    """The resource class of a type token, which a request gives with its parents' types before it (``parent$type``).

    Raises :class:`UserError` for a type that this plugin doesn't have.
    """
    token = _own(token)
    path = RESOURCES.get(token)
    if path is None:
        raise UserError(f"The pitchbar plugin has no resource type {token}; it has {', '.join(sorted(RESOURCES))}.")
    module, name = path.split(":")
    resource: Resource[Any, Any] = getattr(importlib.import_module(module), name)()
    return resource


def _own(token: str) -> str:
    return token.rpartition("$")[2]


def _changed(resource: Resource[Any, Any], state: Any, news: Properties) -> frozenset[str]:
    """The inputs that differ from the state; one that is known only after the update counts as changed."""
    known = values(resource.inputs, news)
    names = {field.name for field in dataclasses.fields(resource.inputs)} - resource.ignored
    return frozenset(name for name in names if name not in known or known[name] != getattr(state, name))


def _known_later(resource: Resource[Any, Any], known: Properties, changed: frozenset[str]) -> Properties:
    """The computed properties that the changed inputs determine, as values that are known only after the update."""
    names = {name for input, name in resource.determines if input in changed}
    return {name: LATER.with_secret(known[name].is_secret) for name in names}


async def _off_the_loop(effect: Callable[..., R], *arguments: Any) -> R:
    return await asyncio.get_running_loop().run_in_executor(None, effect, *arguments)
