"""``pitchbar:local:Supervisor``: the environment's folder and the supervisord that runs everything in it."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from infra.errors import UserError
from infra.provider.base import Resource, extend, replace
from infra.provider.local import layout as folders
from infra.provider.local.layout import Layout
from infra.provider.local.supervision import Supervisor, mark

_START_SECONDS = 30
_STOP_SECONDS = 60


@dataclass(frozen=True)
class Inputs:
    """``directory``: the environment's folder."""

    directory: str


@dataclass(frozen=True)
class State(Inputs):
    """``running``: whether supervisord answers."""

    running: bool = False


class SupervisorResource(Resource[Inputs, State]):
    """A singleton: made anew, it takes over the folder that is there and first ends what an earlier supervisord left
    running."""

    inputs = Inputs
    state = State
    replaces = frozenset({"directory"})

    def create(self, inputs: Inputs) -> tuple[str, State]:
        layout = Layout(Path(inputs.directory))
        folders.make(layout)
        if not Supervisor(layout).answers():
            _end_leftovers(layout)
            _start(layout)
        return layout.directory.name, extend(State, inputs, running=True)

    def read(self, id: str, state: State) -> State | None:
        layout = Layout(Path(state.directory))
        if not layout.directory.is_dir():
            return None
        return replace(state, running=Supervisor(layout).answers())

    def update(self, id: str, state: State, inputs: Inputs) -> State:
        return self.create(inputs)[1]

    def delete(self, id: str, state: State) -> None:
        layout = Layout(Path(state.directory))
        stop(layout)
        folders.remove(layout.directory)


def stop(layout: Layout) -> None:
    """Stop everything that runs in an environment, and keep its data."""
    supervisor = Supervisor(layout)
    patience = _STOP_SECONDS if supervisor.answers() else 5
    supervisor.shutdown()
    _end_leftovers(layout, patience)


def _start(layout: Layout) -> None:
    config = layout.directory / "supervisord.conf"
    config.write_text(_CONFIGURATION.format(directory=str(layout.directory).replace("%", "%%")), encoding="utf-8")
    for stale in (*layout.programs.iterdir(), layout.supervisor_socket):
        stale.unlink(missing_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "infra.provider.local.supervisord", "-n", "-c", str(config)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=layout.directory,
        env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", **mark(layout)},
        start_new_session=True,
    )
    supervisor = Supervisor(layout)
    for _ in supervisor.wait(_START_SECONDS):
        if supervisor.answers():
            return
        if process.poll() is not None:
            break
    process.kill()
    log = layout.logs / "supervisord.log"
    raise UserError(f"Supervisor didn't start. Look into {log}, then run `pitchbar doctor`.")


def _end_leftovers(layout: Layout, patience: float = 5) -> None:
    """End every process of this environment: let each finish for ``patience`` seconds, ask it to stop, and at last
    kill it."""
    if patience > 5:
        _wait_for_end(layout, patience)
    for pid in _marked(layout):
        _send(pid, signal.SIGINT if _is_postgres(pid) else signal.SIGTERM)
    _wait_for_end(layout, 5)
    for pid in _marked(layout):
        _send(pid, signal.SIGKILL)
    _wait_for_end(layout, 5)


def _wait_for_end(layout: Layout, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while _marked(layout) and time.monotonic() < deadline:
        time.sleep(0.02)


def _marked(layout: Layout) -> list[int]:
    """The environment's processes: by the mark in their environment, PostgreSQL's and Redis' (which overwrite it) by
    pid file and working directory."""
    [(name, value)] = mark(layout).items()
    needle = f"\0{name}={value}\0".encode()
    found = [pid for pid in _pids() if needle in b"\0" + _read(f"/proc/{pid}/environ") + b"\0"]
    restored = layout.restores.glob("*/data/postmaster.pid")
    for pid_file in (layout.postgres / "data" / "postmaster.pid", layout.redis / "redis.pid", *restored):
        first = _read(pid_file).split(b"\n")[0].strip()
        if first.isdigit() and _works_in(int(first), layout):
            found.append(int(first))
    return [pid for pid in found if pid != os.getpid() and not _is_zombie(pid)]


def _works_in(pid: int, layout: Layout) -> bool:
    """Whether a process' working directory, which neither of the two changes later, is in the environment's folder."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cwd").readlink().is_relative_to(layout.directory)
    return False


def _pids() -> Iterable[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _read(path: str | Path) -> bytes:
    with contextlib.suppress(OSError):
        return Path(path).read_bytes()
    return b""


def _is_postgres(pid: int) -> bool:
    return _read(f"/proc/{pid}/comm").strip() == b"postgres"


def _is_zombie(pid: int) -> bool:
    return _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()[:1] in ([b"Z"], [])


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


_CONFIGURATION = """\
[supervisord]
logfile={directory}/logs/supervisord.log
logfile_maxbytes=1MB
logfile_backups=1
pidfile={directory}/supervisord.pid
childlogdir={directory}/logs
strip_ansi=true
minfds=1024
umask=022

[unix_http_server]
file={directory}/supervisor.sock
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[include]
files = {directory}/conf.d/*.conf
"""
