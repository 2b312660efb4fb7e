"""``pitchbar:local:Gateway``: Caddy in front of the app and the realtime server, with one address from its first
start on.

Where its hosts lead is the :mod:`~infra.provider.local.route`'s business; until there is one it answers 503.
"""

import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.endpoints import CheckFailed, Endpoint, http_get, http_post, unix_endpoint
from infra.errors import UserError
from infra.provider.base import Resource, extend, replace
from infra.provider.local import layout as folders
from infra.provider.local import ports
from infra.provider.local.caddy import configuration, port_of
from infra.provider.local.layout import Layout, service_user
from infra.provider.local.supervision import Program, Supervisor
from infra.toolchain import locate

PROGRAM = "gateway"
_START_SECONDS = 30


@dataclass(frozen=True)
class Inputs:
    """``hosts``: the process that each host name leads to. ``replicas``: of these processes. ``port`` 0 finds one."""

    directory: str
    hosts: Mapping[str, str]
    replicas: Mapping[str, int]
    tls: bool = False
    port: int = 0


@dataclass(frozen=True)
class State(Inputs):
    """``bound_port`` is where it listens on 127.0.0.1. ``ca_certificate``: with TLS, the file of its own authority's
    certificate."""

    bound_port: int = 0
    running: bool = False
    ca_certificate: str = ""


class GatewayResource(Resource[Inputs, State]):
    """A singleton: made anew, it keeps the port it had."""

    inputs = Inputs
    state = State
    replaces = frozenset({"directory"})
    determines = frozenset({("port", "bound_port"), ("tls", "ca_certificate")})

    def create(self, inputs: Inputs) -> tuple[str, State]:
        gateway = _Gateway(inputs)
        port = gateway.settle_port(gateway.configured_port())
        gateway.start(port)
        return "gateway", gateway.state(port)

    def read(self, id: str, state: State) -> State | None:
        gateway = _Gateway(state)
        if not gateway.folder.is_dir():
            return None
        return replace(state, running=gateway.answers())

    def update(self, id: str, state: State, inputs: Inputs) -> State:
        gateway = _Gateway(inputs)
        port = gateway.settle_port(state.bound_port)
        if port != state.bound_port or not gateway.answers():
            gateway.start(port)
        elif (inputs.hosts, inputs.tls, inputs.replicas) != (state.hosts, state.tls, state.replicas):
            gateway.reload(port)
        return gateway.state(port)

    def delete(self, id: str, state: State) -> None:
        gateway = _Gateway(state)
        Supervisor(gateway.layout).remove(PROGRAM)
        folders.remove(gateway.folder)


class _Gateway:
    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs
        self.layout = Layout(Path(inputs.directory))
        self.folder = self.layout.gateway
        self._supervisor = Supervisor(self.layout)

    def state(self, port: int) -> State:
        certificate = str(self._authority()) if self.inputs.tls else ""
        return extend(State, self.inputs, bound_port=port, running=True, ca_certificate=certificate)

    def configured_port(self) -> int:
        """The port of the gateway whose folder is there; 0 when there is none."""
        config = self.folder / "caddy.json"
        return port_of(json.loads(config.read_text(encoding="utf-8"))) if config.exists() else 0

    def settle_port(self, had: int) -> int:
        """The port to listen on; ``had`` is the one so far."""
        runs = self._supervisor.runs_or_starts(PROGRAM)
        return ports.settle(f"{self.inputs.directory} gateway", self.inputs.port, had, runs=runs)

    def start(self, port: int) -> None:
        self._supervisor.remove(PROGRAM)
        folders.make_folder_of_service(self.folder)
        config = self._write(port)
        command = (str(locate().caddy), "run", "--config", str(config))
        homes = {name: str(self.folder) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
        self._supervisor.start(Program(PROGRAM, command, self.folder, homes, stop_timeout=10, user=service_user()))
        for _ in self._supervisor.wait(_START_SECONDS):
            if self.answers() and self._shows_certificates(port):
                return
            if self._supervisor.failed(PROGRAM):
                break
        lines = self._supervisor.last_lines(f"{PROGRAM}-0")
        self._supervisor.remove(PROGRAM)
        raise UserError(f"The gateway (Caddy) didn't start on port {port}. Its last log lines:\n{lines}")

    def reload(self, port: int) -> None:
        document = json.loads(self._write(port).read_text(encoding="utf-8"))
        answer = http_post(self._admin(), "/load", document, timeout=_START_SECONDS)
        if answer.status != 200:
            raise UserError(f"The gateway (Caddy) refused its configuration: {answer.body.decode(errors='replace')}")
        for _ in self._supervisor.wait(_START_SECONDS):
            if self._shows_certificates(port):
                return
        lines = self._supervisor.last_lines(f"{PROGRAM}-0")
        raise UserError(f"The gateway (Caddy) made no certificate for its hosts. Its last log lines:\n{lines}")

    def answers(self) -> bool:
        if not self._supervisor.runs_or_starts(PROGRAM):
            return False
        try:
            return http_get(self._admin(), "/config/apps/http/servers", timeout=2).status == 200
        except CheckFailed:
            return False

    def _shows_certificates(self, port: int) -> bool:
        """Whether every host has its certificate, which Caddy makes after it has started; without TLS at once."""
        if not self.inputs.tls:
            return True
        try:
            context = ssl.create_default_context(cafile=self._authority())
            for host in self.inputs.hosts:
                with socket.create_connection(("127.0.0.1", port), timeout=2) as raw:
                    context.wrap_socket(raw, server_hostname=host).close()
        except OSError:
            return False
        return True

    def _authority(self) -> Path:
        return self.folder / "pki" / "authorities" / "local" / "root.crt"

    def _admin(self) -> Endpoint:
        return unix_endpoint(self.folder / "admin.sock")

    def _write(self, port: int) -> Path:
        config = self.folder / "caddy.json"
        document = configuration(self.layout, self.inputs.hosts, port, self.inputs.tls, self.inputs.replicas)
        folders.write_private(config, json.dumps(document, indent=1), for_service=True)
        return config
