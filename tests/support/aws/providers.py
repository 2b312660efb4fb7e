"""Doubles of the providers aws, cloudflare and docker for the real engine, attached by ``PULUMI_DEBUG_PROVIDERS``.

Their Check is the structural checker; what they answer has the right shape, and proves nothing about those services.
What the engine asks of them is noted, so that a test can say what was made, changed and removed, and in which order.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
import pulumi
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime import rpc
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from tests.support.aws import doubles, structure
from tests.support.engine import plain

NAMED = {
    "aws:s3/bucket:Bucket": "bucket",
    "aws:rds/instance:Instance": "identifier",
    "aws:elasticache/replicationGroup:ReplicationGroup": "replicationGroupId",
    "aws:ecs/taskDefinition:TaskDefinition": "",
}
"""The property that autonaming fills, where it isn't ``name``; empty: none."""

IMMUTABLE: Mapping[str, frozenset[str]] = {
    "aws:ecs/taskDefinition:TaskDefinition": frozenset({"containerDefinitions", "cpu", "memory", "family"}),
    "aws:rds/instance:Instance": frozenset({"engine", "kmsKeyId", "storageEncrypted", "dbSubnetGroupName", "username"}),
    "aws:elasticache/replicationGroup:ReplicationGroup": frozenset({"subnetGroupName", "atRestEncryptionEnabled"}),
    "aws:lb/targetGroup:TargetGroup": frozenset({"port", "protocol", "vpcId", "targetType"}),
    "aws:lb/loadBalancer:LoadBalancer": frozenset({"internal", "loadBalancerType"}),
    "aws:s3/bucketObjectv2:BucketObjectv2": frozenset({"bucket", "key"}),
    "aws:ec2/vpc:Vpc": frozenset({"cidrBlock"}),
    "aws:ec2/subnet:Subnet": frozenset({"cidrBlock", "availabilityZone", "vpcId"}),
    "aws:ec2/securityGroup:SecurityGroup": frozenset({"description", "vpcId"}),
    "aws:acm/certificate:Certificate": frozenset({"domainName", "subjectAlternativeNames", "validationMethod"}),
    "cloudflare:index/workersScript:WorkersScript": frozenset({"accountId", "scriptName"}),
}
"""Properties whose change makes another resource, as the providers' documentation says of them."""

Properties = Mapping[str, PropertyValue]


@dataclass
class Journal:
    """What the engine asked for: operation (``create``, ``update``, ``delete``), type and logical name, in order."""

    entries: list[tuple[str, str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    count: int = 0

    def note(self, operation: str, type: str, name: str) -> int:
        """Add an entry; gives its number, which no other has."""
        with self.lock:
            self.entries.append((operation, type, name))
            self.count += 1
            return self.count

    def taken(self) -> list[tuple[str, str, str]]:
        """What has been noted since the last time."""
        with self.lock:
            found, self.entries = self.entries, []
        return found


class Standin(provider_pb2_grpc.ResourceProviderServicer):
    """One provider's double."""

    def __init__(self, journal: Journal, clouds: doubles.CloudDouble) -> None:
        self.journal = journal
        self.clouds = clouds

    def Handshake(self, request: Any, context: Any) -> Any:
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=True, accept_resources=True, accept_outputs=False, supports_autonaming_configuration=True
        )

    def Attach(self, request: Any, context: Any) -> Any:
        return Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version="99.0.0")

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, acceptResources=True, supports_autonaming_configuration=True
        )

    def Cancel(self, request: Any, context: Any) -> Any:
        return Empty()

    def Invoke(self, request: Any, context: Any) -> Any:
        answer = self.clouds.call(request.tok, _plain(PropertyValue.unmarshal_map(request.args)))
        values = PropertyValue.marshal_map({name: doubles.wrap(value) for name, value in answer.items()})
        response: Any = {"return": values}
        return provider_pb2.InvokeResponse(**response)

    def Check(self, request: Any, context: Any) -> Any:
        type = _type(request.urn)
        inputs, before = read(request.news), read(request.olds)
        key = NAMED.get(type, "name")
        if key and key not in inputs and key in structure.properties(type) and request.autonaming.proposed_name:
            request.news[key] = plain(before.get(key, PropertyValue(request.autonaming.proposed_name)))
        failures = [
            provider_pb2.CheckFailure(property="", reason=each) for each in structure.problems(type, _plain(inputs))
        ]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def Diff(self, request: Any, context: Any) -> Any:
        olds, news = _bare(read(request.old_inputs)), _bare(read(request.news))
        changed = sorted(name for name in olds.keys() | news.keys() if olds.get(name) != news.get(name))
        kinds = provider_pb2.DiffResponse
        return provider_pb2.DiffResponse(
            changes=kinds.DIFF_SOME if changed else kinds.DIFF_NONE,
            diffs=changed,
            replaces=[name for name in changed if name in IMMUTABLE.get(_type(request.urn), ())],
        )

    def Create(self, request: Any, context: Any) -> Any:
        if request.preview:
            return provider_pb2.CreateResponse(id="", properties=request.properties)
        number = self.journal.note("create", _type(request.urn), _name(request.urn))
        id, computed = self._computed(request.urn, read(request.properties), number)
        return provider_pb2.CreateResponse(id=id, properties=_joined(computed, request.properties))

    def Update(self, request: Any, context: Any) -> Any:
        if not request.preview:
            self.journal.note("update", _type(request.urn), _name(request.urn))
        return provider_pb2.UpdateResponse(properties=_joined(request.olds, request.news))

    def Read(self, request: Any, context: Any) -> Any:
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Delete(self, request: Any, context: Any) -> Any:
        self.journal.note("delete", _type(request.urn), _name(request.urn))
        return Empty()

    def _computed(self, urn: str, inputs: Properties, number: int) -> tuple[str, Any]:
        type, name = _type(urn), _name(urn)
        id, computed = doubles.resource(type, name, _plain(inputs), urn.split(":")[2])
        if type.endswith(":TaskDefinition"):
            computed["arn"] = f"{computed['arn']}:{number}"
        return id, PropertyValue.marshal_map({key: doubles.wrap(value) for key, value in computed.items()})


def read(properties: Struct) -> dict[str, PropertyValue]:
    """Properties off the wire. A file is known by its hash, which is all that the state keeps of it."""
    copy = Struct()
    copy.CopyFrom(properties)
    files: dict[str, Any] = {}
    for name, value in list(copy.fields.items()):
        parts = value.struct_value.fields if value.HasField("struct_value") else {}
        kind = parts[rpc._special_sig_key].string_value if rpc._special_sig_key in parts else ""
        if kind in (rpc._special_archive_sig, rpc._special_asset_sig):
            make = pulumi.FileArchive if kind == rpc._special_archive_sig else pulumi.FileAsset
            files[name] = make(parts["hash"].string_value)
            del copy.fields[name]
    return {**PropertyValue.unmarshal_map(copy), **{name: PropertyValue(file) for name, file in files.items()}}


def _joined(first: Struct, second: Struct) -> Struct:
    joined = Struct()
    joined.CopyFrom(first)
    for name, value in second.fields.items():
        joined.fields[name].CopyFrom(value)
    return joined


def _type(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


def _name(urn: str) -> str:
    return urn.split("::", 3)[3]


def _plain(properties: Properties) -> dict[str, Any]:
    return {name: plain(value) for name, value in properties.items() if value.value is not None}


def _bare(properties: Properties) -> dict[str, str]:
    """The properties as texts that can be compared; one that isn't known yet is like no other."""
    return {
        name: json.dumps(plain(value), default=lambda part: f"{type(part).__name__}:{vars(part)}", sort_keys=True)
        for name, value in properties.items()
        if value.value is not None and not name.startswith("__")
    }


@contextlib.contextmanager
def attached(clouds: doubles.CloudDouble) -> Iterator[tuple[str, Journal]]:
    """Serve the doubles; gives the value of ``PULUMI_DEBUG_PROVIDERS`` and the journal."""
    journal, ports, servers = Journal(), [], []
    for package in structure.PACKAGES:
        server = grpc.server(ThreadPoolExecutor(8), options=_GRPC_CHANNEL_OPTIONS)
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(Standin(journal, clouds), server)
        ports.append(f"{package}:{server.add_insecure_port('127.0.0.1:0')}")
        server.start()
        servers.append(server)
    try:
        yield ",".join(ports), journal
    finally:
        for server in servers:
            server.stop(1).wait()
