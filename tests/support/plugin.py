"""The provider plugin as the engine uses it: a process of its own, spoken to over gRPC."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from tests.support.processes import children, runs, wait_until

EXECUTABLE = Path(__file__).resolve().parents[2] / "infra" / "provider" / "pulumi-resource-pitchbar"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
"""The mark of a secret in Pulumi's protocol, beside its ``value``."""

_PARENT = "pulumi:pulumi:Stack$pitchbar:local:Environment"


@dataclass(frozen=True)
class Plugin:
    """A running plugin."""

    pid: int
    port: int
    stub: Any

    def check(self, token: str, inputs: Mapping[str, Any]) -> dict[str, str]:
        """The reasons against the inputs, by property."""
        answer = self.stub.Check(provider_pb2.CheckRequest(urn=urn(token), news=struct(inputs)))
        return {failure.property: failure.reason for failure in answer.failures}

    def create(self, token: str, inputs: Mapping[str, Any], *, preview: bool = False) -> tuple[str, dict[str, Any]]:
        """The new resource's id and its properties."""
        answer = self.stub.Create(
            provider_pb2.CreateRequest(urn=urn(token), properties=struct(inputs), preview=preview)
        )
        return answer.id, MessageToDict(answer.properties)

    def delete(self, token: str, id: str, state: Mapping[str, Any]) -> None:
        """Delete a resource."""
        self.stub.Delete(provider_pb2.DeleteRequest(urn=urn(token), id=id, properties=struct(state)))

    def cancel(self) -> None:
        """What the engine does at Ctrl-C."""
        self.stub.Cancel(Empty())

    @contextlib.contextmanager
    def creating(self, token: str, inputs: Mapping[str, Any]) -> Iterator[Any]:
        """A create that goes on while the block runs; gives its future."""
        with ThreadPoolExecutor(1) as pool:
            yield pool.submit(self.create, token, inputs)


def urn(token: str) -> str:
    """A resource's name inside the environment's component, as the engine sends it."""
    return f"urn:pulumi:local::pitchbar::{_PARENT}${token}::thing"


def struct(values: Mapping[str, Any]) -> Struct:
    """Properties as the protocol has them."""
    message = Struct()
    message.update(dict(values))
    return message


@contextlib.contextmanager
def plugin() -> Iterator[Plugin]:
    """A plugin that this process started; it has ended when the block ends."""
    process = subprocess.Popen([str(EXECUTABLE), "127.0.0.1:1"], stdout=subprocess.PIPE, env=_environment())
    try:
        with _connected(process.pid, process.stdout) as connected:
            yield connected
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert process.stdout
        process.stdout.close()


@contextlib.contextmanager
def plugin_of_another_engine() -> Iterator[tuple[subprocess.Popen[bytes], Plugin]]:
    """A plugin and the process that started it, which a test may kill."""
    program = "import subprocess, sys; subprocess.run(sys.argv[1:])"
    command = [sys.executable, "-c", program, str(EXECUTABLE), "127.0.0.1:1"]
    engine = subprocess.Popen(command, stdout=subprocess.PIPE, env=_environment())
    wait_until(lambda: children(engine.pid), "the plugin starts")
    [pid] = children(engine.pid)
    try:
        with _connected(pid, engine.stdout) as connected:
            yield engine, connected
    finally:
        engine.kill()
        engine.wait()
        if runs(pid):
            os.kill(pid, signal.SIGKILL)
        assert engine.stdout
        engine.stdout.close()


@contextlib.contextmanager
def _connected(pid: int, output: IO[bytes] | None) -> Iterator[Plugin]:
    assert output
    port = int(output.readline())
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Plugin(pid, port, provider_pb2_grpc.ResourceProviderStub(channel))


def _environment() -> dict[str, str]:
    """The engine's environment, without the noise that gRPC makes about a killed peer."""
    return {**os.environ, "GRPC_VERBOSITY": "NONE"}
