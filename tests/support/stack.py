"""A world of its own for live tests, and stacks in it that are driven by the commands a user types."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.paths import project_root

PITCHBAR = project_root() / ".venv" / "bin" / "pitchbar"


@dataclass(frozen=True)
class World:
    """Homes, data and a copy of the app that no other test and no `make up` shares."""

    folder: Path

    @property
    def app(self) -> Path:
        """The copy of ``app/`` that is released; tests edit it."""
        return self.folder / "app"

    @property
    def data(self) -> Path:
        """Where the environments live."""
        return self.folder / "data"

    def environment(self) -> dict[str, str]:
        """The variables that make commands work in this world, and only those of the machine that they need."""
        kept = ("PATH", "HOME", "LANG", "PITCHBAR_CACHE_HOME", "USER", "LOGNAME", "TMPDIR")
        return {
            **{name: os.environ[name] for name in kept if name in os.environ},
            "PITCHBAR_HOME": str(self.folder / "home"),
            "PITCHBAR_DATA_HOME": str(self.data),
            "PITCHBAR_APP_DIR": str(self.app),
            "PULUMI_HOME": str(self.folder / "pulumi"),
        }

    def stack(self, name: str) -> "Stack":
        """A stack of this world, which need not exist yet."""
        return Stack(self, name)

    def processes(self) -> list[str]:
        """The command lines of everything that runs for this world."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                environment = (folder / "environ").read_bytes()
                if str(self.data) in command or f"={self.data}".encode() in environment:
                    found.append(f"{folder.name} {command.strip()}")
        return found

    def release(self, mark: str) -> None:
        """Edit the app so that the next update is a new release."""
        package = self.app / "pitchbar_app" / "__init__.py"
        package.write_text(package.read_text() + f"# {mark}\n")

    @contextlib.contextmanager
    def broken(self, module: str, statement: str) -> Iterator[None]:
        """The app with a statement that runs when one of its modules is imported, and as it was before afterwards."""
        path = self.app / "pitchbar_app" / module
        before = path.read_text()
        path.write_text(f"{before}\n{statement}\n")
        try:
            yield
        finally:
            path.write_text(before)


@dataclass(frozen=True)
class Done:
    """A command that ended."""

    code: int
    output: str
    seconds: float

    def must_succeed(self) -> "Done":
        """Itself, or a failed test that shows what was printed."""
        assert self.code == 0, self.output
        return self


@dataclass(frozen=True)
class Stack:
    """One stack, driven by commands."""

    world: World
    name: str

    @property
    def directory(self) -> Path:
        """The environment's folder."""
        [found] = self.world.data.glob(f"{self.name}-*")
        return found

    def pitchbar(self, *arguments: str) -> Done:
        """Run ``pitchbar ARGUMENTS -s STACK``."""
        return self._run([str(PITCHBAR), *arguments, "-s", self.name])

    def pulumi(self, *arguments: str) -> Done:
        """Run bare ``pulumi`` in a shell that has evaluated ``pitchbar env``, as the README says."""
        script = 'eval "$("$0" env -s "$1")" && shift && exec pulumi "$@"'
        return self._run(["bash", "-c", script, str(PITCHBAR), self.name, *arguments])

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start ``pitchbar`` in a session of its own, without waiting for it."""
        return subprocess.Popen(
            [str(PITCHBAR), *arguments, "-s", self.name],
            env=self.world.environment(),
            cwd=project_root(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, secrets in clear."""
        done = self.pulumi("stack", "output", "--json", "--show-secrets").must_succeed()
        outputs: dict[str, Any] = json.loads(done.output[done.output.index("{") :])
        return outputs

    def state(self) -> dict[str, Any]:
        """What Pulumi has recorded, secrets encrypted."""
        done = self.pulumi("stack", "export").must_succeed()
        state: dict[str, Any] = json.loads(done.output[done.output.index("{") :])
        return state

    def status(self) -> dict[str, Any]:
        """``pitchbar status --json``."""
        done = self._run([str(PITCHBAR), "status", "--json", "-s", self.name], merge=False)
        status: dict[str, Any] = json.loads(done.output)
        return status

    def _run(self, command: list[str], *, merge: bool = True) -> Done:
        started = time.monotonic()
        done = subprocess.run(
            command,
            env=self.world.environment(),
            cwd=project_root(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merge else subprocess.DEVNULL,
            text=True,
            timeout=300,
            check=False,
        )
        return Done(done.returncode, done.stdout, time.monotonic() - started)


@contextlib.contextmanager
def new_world() -> Iterator[World]:
    """A world in a short path (unix sockets) that PostgreSQL's user may reach. What a failed test left is ended."""
    folder = Path(tempfile.mkdtemp(prefix="pb-"))
    folder.chmod(0o755)
    world = World(folder)
    shutil.copytree(project_root() / "app", world.app, ignore=shutil.ignore_patterns("__pycache__", "widget"))
    try:
        yield world
    finally:
        for directory in world.data.glob("*-*") if world.data.is_dir() else ():
            world.stack(directory.name.rpartition("-")[0]).pitchbar("down", "--yes")
        for line in world.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(line.split()[0]), 9)
        shutil.rmtree(folder, ignore_errors=True)


def listens(port: int) -> bool:
    """Whether something listens on a port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
