"""Starts the app's processes and talks to them as their neighbours do."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, unix_connect

from infra import wiring
from infra.toolchain import app_python, checkout
from tests.support.processes import PATIENCE
from tests.support.services import Postgres, Redis, wait_for_port

APP = checkout() / "app"
SECRETS = {
    "APP_KEY": "base64:c2VjcmV0LWFwcC1rZXktdGhhdC1pcy0zMi1ieXRlcyE=",
    "REVERB_APP_SECRET": "secret-of-the-realtime-server",
    "INTERNAL_QUEUE_TOKEN": "token-of-the-internal-queue",
    "INTERNAL_QUEUE_TOKEN_PREVIOUS": "token-of-yesterday",
    "ADMIN_PASSWORD": "password-of-the-admin",
}
TOKEN = {"Authorization": f"Bearer {SECRETS['INTERNAL_QUEUE_TOKEN']}"}


def environment(postgres: Postgres, redis: Redis, database: str) -> dict[str, str]:
    """The whole environment of an app on these servers."""
    return SECRETS | {
        "PATH": os.environ["PATH"],
        "APP_ENV": "local",
        "APP_URL": "http://app.localhost:8000",
        "APP_RELEASE": "r-1",
        "DB_HOST": postgres.host,
        "DB_PORT": str(postgres.port),
        "DB_DATABASE": database,
        "DB_USERNAME": postgres.user,
        "DB_PASSWORD": postgres.password,
        "REDIS_HOST": redis.host,
        "REDIS_PORT": str(redis.port),
        "REDIS_PASSWORD": redis.password,
        "REVERB_APP_ID": wiring.REALTIME_APP_ID,
        "REVERB_APP_KEY": "public-key",
        "REVERB_HOST": "realtime.localhost",
        "REVERB_PORT": "8000",
        "REVERB_SCHEME": "http",
        "WIDGET_URL": "http://cdn.localhost:8000/widget/widget.js",
        "CANARY_QUEUE": "canary-1",
        "STOP_TIMEOUT": "5",
    }


@dataclass(frozen=True)
class Answer:
    """One HTTP response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("app.localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket's file."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(str(self._path))


@dataclass
class Process:
    """One running process of the app; its output is in `log`."""

    popen: subprocess.Popen[bytes]
    log: Path
    address: Path
    environment: Mapping[str, str]
    sockets: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def request(
        self, method: str, path: str, body: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request on a connection of its own."""
        with contextlib.closing(UnixConnection(self.address)) as connection:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """A GET request."""
        return self.request("GET", path, headers=headers)

    def wait_until(self, path: str, status: int = 200) -> Answer:
        """Ask until the answer has this status."""
        deadline = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(OSError):
                answer = self.get(path)
                if answer.status == status:
                    return answer
            assert self.popen.poll() is None, f"the process ended: {self.output}"
            assert time.monotonic() < deadline, f"{path} never answered {status}: {self.output}"
            time.sleep(0.02)

    def connect(self, key: str = "public-key") -> ClientConnection:
        """A WebSocket connection."""
        uri = f"ws://realtime.localhost/app/{key}?protocol=7"
        return self.sockets.enter_context(unix_connect(str(self.address), uri, close_timeout=10))

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Send the signal and wait; the result is the exit status and how many seconds it took."""
        started = time.monotonic()
        self.popen.send_signal(number)
        return self.popen.wait(PATIENCE), time.monotonic() - started

    @property
    def output(self) -> str:
        """Everything that the process wrote."""
        return self.log.read_text()


@dataclass
class Launcher:
    """Starts processes in a folder and ends them all."""

    folder: Path
    environment: dict[str, str]
    processes: list[Process] = field(default_factory=list)

    def start(self, command: str, wait: str | None = "/up", **changes: str) -> Process:
        """Start `web`, `realtime` or `worker` and wait until it answers on a path; a worker is not waited for."""
        address = self.folder / f"{len(self.processes)}.sock"
        arguments = [] if command == "worker" else ["--listen", f"unix:{address}"]
        process = self._start(command, arguments, address, changes)
        if arguments and wait:
            process.wait_until(wait)
        return process

    def start_on(self, port: int, command: str, **changes: str) -> Process:
        """Start `web` or `realtime` on a port of 127.0.0.1 and wait until it takes connections."""
        process = self._start(command, ["--listen", f"127.0.0.1:{port}"], self.folder / "none", changes)
        wait_for_port(port, process.popen, process.log)
        return process

    def _start(self, command: str, arguments: list[str], address: Path, changes: Mapping[str, str]) -> Process:
        log = self.folder / f"{command}-{len(self.processes)}.log"
        with log.open("wb") as output:
            popen = subprocess.Popen(
                [str(app_python(APP / "requirements.txt")), "-m", "pitchbar_app", command, *arguments],
                cwd=APP,
                env=self.environment | dict(changes),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        process = Process(popen, log, address, self.environment | dict(changes))
        self.processes.append(process)
        return process

    def run(self, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run one command of the app to its end."""
        return subprocess.run(
            [str(app_python(APP / "requirements.txt")), "-m", "pitchbar_app", *arguments],
            cwd=APP,
            env={name: value for name, value in (self.environment | changes).items() if value != "<unset>"},
            capture_output=True,
            text=True,
            timeout=3 * PATIENCE,
        )

    def end(self) -> None:
        """End every process that is left."""
        for process in self.processes:
            process.sockets.close()
            if process.popen.poll() is None:
                process.popen.kill()
                process.popen.wait(PATIENCE)


@contextlib.contextmanager
def launcher(folder: Path, environment: dict[str, str]) -> Iterator[Launcher]:
    """A launcher whose processes end with the block."""
    made = Launcher(folder, environment)
    try:
        yield made
    finally:
        made.end()


def receive(connection: ClientConnection) -> dict[str, Any]:
    """The next message, with its data read as JSON."""
    message: dict[str, Any] = json.loads(connection.recv(timeout=PATIENCE))
    return message | {"data": json.loads(message["data"])}


def send(connection: ClientConnection, event: str, **data: Any) -> None:
    """Send one message of the protocol."""
    connection.send(json.dumps({"event": event, "data": data}))


def subscribe(connection: ClientConnection, channel: str) -> None:
    """Read the greeting, subscribe, and read the confirmation."""
    assert receive(connection)["event"] == "pusher:connection_established"
    send(connection, "pusher:subscribe", channel=channel)
    assert receive(connection) == {
        "event": "pusher_internal:subscription_succeeded",
        "channel": channel,
        "data": {},
    }


def publish(redis: Redis, channel: str, name: str, data: Any) -> None:
    """Broadcast an event as the app's other processes do."""
    event = {"channels": [channel], "event": name, "data": json.dumps(data)}
    redis.execute("PUBLISH", f"pitchbar:realtime:{wiring.REALTIME_APP_ID}", json.dumps(event))
