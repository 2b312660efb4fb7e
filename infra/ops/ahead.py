"""Starts ahead of the engine what the engine will start: the plugin, and the process that runs the program.

The engine starts them one after the other, when it first needs each, and the plugin anew after a refresh; all that they
do first is to import Pulumi's libraries. So here they start at once, beside the CLI, and what the engine then starts
leads it to them: `infra/provider/pulumi-resource-pitchbar` by the port, our language host by a unix socket. Without
them, as for bare `pulumi`, both start as ever. They end when the engine and this process have let go of a pipe.
"""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra import paths
from infra.ops import stacks
from infra.ops.environment import engine_environment
from infra.ops.stacks import Stack
from infra.toolchain import locate

FOLDER, LIFELINE = "PITCHBAR_AHEAD", "PITCHBAR_LIFELINE"

_COMMAND = (sys.executable, "-P", "-m", "infra.ops.ahead_process")
_PLUGINS = 2
"""The engine takes one, and another after a refresh; to end a plugin it cancels all that it does, for good."""
_OF_PROGRAM = ("infra.capabilities", "infra.load", "infra.release.choice", "infra.stack_config", "infra.targets.local")
"""What `stacks/__main__.py` imports; one that is missing here is only imported later."""


@dataclass(frozen=True)
class Ahead:
    """What the engine is given: variables, and the descriptor that keeps them running while it has it."""

    variables: Mapping[str, str]
    descriptors: tuple[int, ...]


NOTHING = Ahead({}, ())


@contextlib.contextmanager
def ahead(name: str) -> Iterator[Ahead]:
    """Start both for a stack of the local target, which may not be made yet; for another one, nothing."""
    stack = stacks.find(name) or Stack(name, True, paths.stack_config_file(name))
    if not stack.local:
        yield NOTHING
        return
    reading, writing = os.pipe()
    with tempfile.TemporaryDirectory(prefix="pitchbar-") as folder, os.fdopen(writing, "wb"):
        with os.fdopen(reading, "rb"):
            _start(Path(folder), {**engine_environment(stack), LIFELINE: str(reading)}, reading)
        yield Ahead({FOLDER: folder}, (writing,))


def _start(folder: Path, environment: Mapping[str, str], lifeline: int) -> None:
    for number in range(_PLUGINS):
        (folder / f"plugin.{number}").touch()
    with _listener(folder / "program.sock") as listener:
        descriptor = str(listener.fileno()) if listener and locate().language_host else ""
        process = subprocess.Popen(
            [*_COMMAND, str(folder), descriptor, *_OF_PROGRAM, "tools.language_host.ahead"],
            cwd=paths.project_root(),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(lifeline, *([int(descriptor)] if descriptor else [])),
            process_group=0,  # A Ctrl-C at the terminal is for the engine to answer.
        )
    (folder / "pid").write_text(str(process.pid), encoding="ascii")
    # Collected when it ends, so that whoever waits for its end sees that.
    threading.Thread(target=process.wait, daemon=True).start()


@contextlib.contextmanager
def _listener(path: Path) -> Iterator[socket.socket | None]:
    """A socket that listens there; None where the path is too long for one, as below a deep TMPDIR."""
    with socket.socket(socket.AF_UNIX) as listener:
        if not paths.socket_path_fits(path):
            yield None
            return
        listener.bind(str(path))
        listener.listen(1)
        yield listener
