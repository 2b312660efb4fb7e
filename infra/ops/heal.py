"""What a killed engine leaves behind, and how to go on: its lock, and the operations that it had not finished.

Only for file backends: elsewhere a lock is a service's own business. A lock is released only when its holder is
provably dead: it ran on this machine, and its process is gone or is a younger one with the same number.
"""

import json
import os
import socket
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from infra.errors import UserError
from infra.ops import checkpoint, stacks
from infra.ops.console import Console
from infra.ops.engine import capture
from infra.ops.environment import backend_folder, engine_environment
from infra.ops.stacks import Stack
from infra.ops.typed import in_shell

_POLL_SECONDS = 0.2
_CLOCK_TOLERANCE = 2.0
"""Seconds; a process's start is known to a hundredth of a second, but the clock may have been set meanwhile."""


@dataclass(frozen=True)
class Lock:
    """One lock file of the engine: who holds it and since when."""

    pid: int
    username: str
    hostname: str
    since: datetime

    def __str__(self) -> str:
        """The holder as people would name it."""
        return f"{self.username}@{self.hostname}, process {self.pid}, since {self.since.astimezone():%Y-%m-%d %H:%M:%S}"


def heal(stack: Stack, console: Console, *, wait: bool = True) -> None:
    """Release dead locks, wait for living ones, and clear operations that a dead engine left unfinished."""
    folder = backend_folder(engine_environment(stack))
    if folder is None:
        return
    project = stacks.project_name()
    _await_or_release(stack, folder / ".pulumi" / "locks" / "organization" / project / stack.name, console, wait)
    if stack.local:
        _clear_unfinished(stack, console)


def is_alive(pid: int, since: float) -> bool:
    """Whether the process that had this number at this time still runs; in doubt, a Pulumi of that number does."""
    started = _start_time(pid)
    return started is not None and (started <= since + _CLOCK_TOLERANCE or _command(pid) == "pulumi")


def _await_or_release(stack: Stack, folder: Path, console: Console, wait: bool) -> None:
    told = False
    while locks := _locks(folder):
        strangers = [lock for lock in locks if lock.hostname != socket.gethostname()]
        if strangers:
            raise UserError(
                f"Stack {stack.name} is locked from another machine: {strangers[0]}. Wait until that run has ended; "
                f"only if you know that it is dead, type: {in_shell(stack.name, 'pulumi cancel --yes')}"
            )
        living = [lock for lock in locks if is_alive(lock.pid, lock.since.timestamp())]
        if not living:
            capture(stack, ["cancel", stack.name, "--yes"])
            console.say(f"Released the lock of stack {stack.name}: its holder is dead ({locks[0]}).")
            return
        if not wait:
            raise UserError(
                f"Stack {stack.name} is locked by a running Pulumi: {living[0]}. "
                "Repeat the command when that has ended, or without --no-wait."
            )
        if not told:
            console.say(f"Waiting for a running Pulumi to release stack {stack.name}: {living[0]}.")
            told = True
        time.sleep(_POLL_SECONDS)


def _locks(folder: Path) -> list[Lock]:
    found = []
    for file in sorted(folder.glob("*.json")):
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            since = datetime.fromisoformat(content["timestamp"])
            found.append(Lock(int(content["pid"]), content["username"], content["hostname"], since))
        except FileNotFoundError:
            continue  # released meanwhile
        except (OSError, ValueError, KeyError, TypeError):
            raise UserError(
                f"The lock {file} can't be read, so nobody knows whether its holder lives. "
                "If no Pulumi runs on this stack, remove the file and repeat the command."
            ) from None
    return found


def _clear_unfinished(stack: Stack, console: Console) -> None:
    """Drop pending operations from the state: the resources of the local target take over or clear what is half made.

    An export that is imported again loses them (the CLI says so), in a fifth of the time of a refresh.
    """
    unfinished = _pending(stack)
    if not unfinished:
        return
    with tempfile.TemporaryDirectory(prefix="pitchbar-") as folder:
        state = str(Path(folder, "state.json"))
        capture(stack, ["stack", "export", "--file", state])
        capture(stack, ["stack", "import", "--file", state])
    names = ", ".join(f"{name} ({what})" for name, what in unfinished)
    console.say(f"Cleared what a killed update left unfinished in stack {stack.name}: {names}.")


def _pending(stack: Stack) -> list[tuple[str, str]]:
    """The name of each resource whose operation was not finished, and the operation."""
    operations = (checkpoint.latest(stack) or {}).get("pending_operations") or []
    return [(operation["resource"]["urn"].rpartition("::")[2], operation["type"]) for operation in operations]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _start_time(pid: int) -> float | None:
    """When a process started, in seconds since 1970; None when it is gone or only waits to be reaped."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        uptime = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return None
    if fields[0] in ("Z", "X"):
        return None
    ticks = float(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.time() - uptime + ticks
