"""Runs the commands that are timed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra import paths
from infra.errors import UserError
from infra.ops.environment import engine_environment
from infra.toolchain import locate

STACK = "bench"
_LONGEST = 120.0
"""Seconds after which a command is taken for stuck."""


@dataclass(frozen=True)
class Timed:
    """A command that has ended: its wall time from start to exit, its exit code, what it printed."""

    seconds: float
    code: int
    output: str


def run(command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Timed:
    """Run a command to its end. Raises `UserError` when it takes too long."""
    started = time.monotonic()
    process = subprocess.Popen(
        list(command),
        env=None if env is None else dict(env),
        cwd=cwd or paths.project_root(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        process_group=0,
    )
    try:
        output, _ = process.communicate(timeout=_LONGEST)
    except BaseException as error:
        _end(process)
        if isinstance(error, subprocess.TimeoutExpired):
            raise UserError(f"`{_shown(command)}` did not end within {_LONGEST:g} s.") from None
        raise
    return Timed(time.monotonic() - started, process.returncode, output)


def must(command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Timed:
    """Run a command that has to succeed. Raises `UserError` with its last lines when it does not."""
    timed = run(command, env=env, cwd=cwd)
    if timed.code != 0:
        raise UserError(f"`{_shown(command)}` failed with exit code {timed.code}:\n{tail(timed.output)}")
    return timed


def pitchbar(*arguments: str) -> list[str]:
    """The project's own command on the stack that is measured."""
    return [str(Path(sys.executable).with_name("pitchbar")), *arguments, "-s", STACK]


def pulumi(*arguments: str) -> list[str]:
    """The Pulumi CLI."""
    return [str(locate().pulumi), *arguments, "--color", "never"]


def app_environment(app: Path) -> dict[str, str]:
    """This process' environment, in which `app` is the app that is released."""
    return {**os.environ, "PITCHBAR_APP_DIR": str(app)}


def bare_environment(app: Path) -> dict[str, str]:
    """The environment in which bare `pulumi` works on the stack, as `pitchbar env` gives it."""
    return {**engine_environment(STACK), "PITCHBAR_APP_DIR": str(app)}


def tail(output: str) -> str:
    """The last lines of an output, indented."""
    return "\n".join(f"    {line}" for line in output.splitlines()[-12:])


def _end(process: subprocess.Popen[str]) -> None:
    """Ask the command to stop, as Ctrl-C would; after a while, make it."""
    process.send_signal(signal.SIGINT)
    try:
        process.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _shown(command: Sequence[str]) -> str:
    return " ".join([Path(command[0]).name, *command[1:]])
