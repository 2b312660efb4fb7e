"""Run commands for set-up: quietly, stoppable, never outliving it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

_LINES_SHOWN = 8

_running: set[subprocess.Popen[str]] = set()
_lock = threading.Lock()


class PartError(Exception):
    """A part that can't be had: why, and the command to type."""

    def __init__(self, reason: str, command: str) -> None:
        """Say `reason`, without a full stop, and the `command` that mends it."""
        super().__init__(reason)
        self.reason = reason
        self.command = command


class CommandFailed(Exception):
    """A command that ended with an error; `str(error)` is its last lines."""


def run(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float | None = None,
) -> str:
    """Run a command to its end and return what it printed; raise `CommandFailed` if it fails or takes too long."""
    process = subprocess.Popen(
        [*_ends_with_us(), *command],
        env={**os.environ, **(env or {})},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    with _lock:
        _running.add(process)
    try:
        output, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        _kill(process)
        raise CommandFailed(f"no answer within {timeout:g} s") from None
    finally:
        with _lock:
            _running.discard(process)
    if process.returncode:
        lines = [line.strip() for line in output.strip().splitlines() if line.strip()]
        raise CommandFailed("\n".join(lines[-_LINES_SHOWN:]) or f"exit code {process.returncode}")
    return output


def stop_all() -> None:
    """End every running command with all that it has started."""
    with _lock:
        for process in _running:
            _kill(process)


def as_root(command: str) -> str:
    """The command as this user must type it to run it as root."""
    return command if os.geteuid() == 0 else f"sudo {command}"


def _kill(process: subprocess.Popen[str]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def _ends_with_us() -> list[str]:
    """Have the kernel end the command when set-up is killed, so that a repeated set-up has the machine to itself."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
