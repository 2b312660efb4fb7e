"""``pitchbar:local:Redis``: a Redis 7 server with a password and an append-only file."""

import hashlib
import re
import socket
from dataclasses import dataclass
from pathlib import Path

from infra.errors import UserError
from infra.provider.base import Resource, extend, replace
from infra.provider.local import layout as folders
from infra.provider.local import ports
from infra.provider.local.layout import Layout, service_user, write_private
from infra.provider.local.supervision import Program, Supervisor
from infra.provider.marshal import secret
from infra.toolchain import locate

PROGRAM = "redis"
_START_SECONDS = 30


@dataclass(frozen=True)
class Inputs:
    """``maxmemory``: in bytes, 0 for no limit. ``port`` 0 finds one."""

    directory: str
    password: str = secret()
    maxmemory: int = 0
    port: int = 0


@dataclass(frozen=True)
class State(Inputs):
    """``bound_port`` is where it listens on 127.0.0.1; ``running`` whether it does."""

    bound_port: int = 0
    running: bool = False


class RedisResource(Resource[Inputs, State]):
    """A singleton: made anew, it takes over the data that is there."""

    inputs = Inputs
    state = State
    replaces = frozenset({"directory"})
    determines = frozenset({("port", "bound_port")})

    def create(self, inputs: Inputs) -> tuple[str, State]:
        layout = Layout(Path(inputs.directory))
        port = _settle_port(layout, inputs, _configured_port(layout))
        _start(layout, inputs, port)
        return "redis", extend(State, inputs, bound_port=port, running=True)

    def read(self, id: str, state: State) -> State | None:
        layout = Layout(Path(state.directory))
        if not layout.redis.is_dir():
            return None
        running = Supervisor(layout).runs_or_starts(PROGRAM) and _answers(state.bound_port, state.password)
        return replace(state, running=running)

    def update(self, id: str, state: State, inputs: Inputs) -> State:
        layout = Layout(Path(inputs.directory))
        port = _settle_port(layout, inputs, state.bound_port)
        _start(layout, inputs, port)
        return extend(State, inputs, bound_port=port, running=True)

    def delete(self, id: str, state: State) -> None:
        layout = Layout(Path(state.directory))
        Supervisor(layout).remove(PROGRAM)
        folders.remove(layout.redis)


def _configured_port(layout: Layout) -> int:
    config = layout.redis / "redis.conf"
    match = re.search(r"^port (\d+)$", config.read_text(encoding="utf-8"), re.MULTILINE) if config.exists() else None
    return int(match[1]) if match else 0


def _settle_port(layout: Layout, inputs: Inputs, had: int) -> int:
    runs = Supervisor(layout).runs_or_starts(PROGRAM)
    return ports.settle(f"{layout.directory} redis", inputs.port, had, runs=runs)


def _start(layout: Layout, inputs: Inputs, port: int) -> None:
    supervisor = Supervisor(layout)
    supervisor.remove(PROGRAM)
    folders.make_folder_of_service(layout.redis)
    config = layout.redis / "redis.conf"
    write_private(config, _configuration(layout, inputs, port), for_service=True)
    tools = locate()
    libraries = {"LD_LIBRARY_PATH": str(tools.redis_library_path)} if tools.redis_library_path else {}
    command = (str(tools.redis_server), str(config))
    supervisor.start(Program(PROGRAM, command, layout.redis, libraries, stop_timeout=30, user=service_user()))
    for _ in supervisor.wait(_START_SECONDS):
        if _answers(port, inputs.password):
            return
        if supervisor.failed(PROGRAM):
            break
    lines = supervisor.last_lines(f"{PROGRAM}-0")
    supervisor.remove(PROGRAM)
    raise UserError(f"Redis didn't start on port {port}. Its last log lines:\n{lines}")


def _answers(port: int, password: str) -> bool:
    """Whether the server takes this password and has loaded its data. (Two commands of its inline protocol need no
    client library.)"""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            secret = password.encode()
            connection.sendall(b"*2\r\n$4\r\nAUTH\r\n$%d\r\n%s\r\nPING\r\n" % (len(secret), secret))
            answer = b""
            while answer.count(b"\r\n") < 2 and (part := connection.recv(256)):
                answer += part
    except OSError:
        return False
    return answer == b"+OK\r\n+PONG\r\n"


def _configuration(layout: Layout, inputs: Inputs, port: int) -> str:
    # An ACL file's format for a password that is not written in clear: #<sha256>.
    digest = hashlib.sha256(inputs.password.encode()).hexdigest()
    return f"""\
bind 127.0.0.1
port {port}
protected-mode yes
user default on #{digest} ~* &* +@all
dir {layout.redis}
pidfile {layout.redis}/redis.pid
daemonize no
appendonly yes
appendfsync everysec
maxmemory {inputs.maxmemory}
maxmemory-policy noeviction
"""
