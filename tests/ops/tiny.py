"""A tiny Pulumi project in a folder of its own, and the real `pitchbar` command on it through the real engine."""

import json
import os
import resource
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.processes import PATIENCE

_PROJECT = """\
name: tiny
runtime:
  name: python
  options: {virtualenv: %(virtualenv)s}
main: program
plugins:
  providers:
    - {name: tiny, path: plugin}
"""

_PROGRAM = """\
import json
from pathlib import Path
import pulumi

knobs = json.loads(Path(__file__).with_name("knobs.json").read_text())

class Thing(pulumi.CustomResource):
    def __init__(self, name, opts=None, **inputs):
        super().__init__("tiny:index:Thing", name, inputs, opts)

first = Thing("first")
options = pulumi.ResourceOptions(depends_on=[first], protect=knobs["protect"])
second = Thing("second", options, **knobs["second"])
for name, value in knobs["outputs"].items():
    pulumi.export(name, pulumi.Output.all(value, second.id).apply(lambda both: both[0]))
pulumi.export("admin_password", pulumi.Output.secret("hush-admin"))
pulumi.export("internal_queue_token", pulumi.Output.secret("hush-token"))
"""

_PLUGIN = """\
import asyncio
from pathlib import Path
from pulumi.provider.experimental import provider as rpc
from infra.errors import UserError
from infra.provider import server

class Tiny(rpc.Provider):
    async def check_config(self, request):
        return rpc.CheckResponse(inputs=request.new_inputs)
    async def diff_config(self, request):
        return rpc.DiffResponse(changes=False)
    async def configure(self, request):
        return rpc.ConfigureResponse(
            accept_secrets=True, supports_preview=True, accept_outputs=False, accept_resources=False
        )
    async def check(self, request):
        return rpc.CheckResponse(inputs=request.new_inputs)
    async def diff(self, request):
        changed = [name for name, value in request.new_inputs.items() if request.old_state.get(name) != value]
        return rpc.DiffResponse(changes=bool(changed), replaces=[])
    async def create(self, request):
        if not request.preview:
            await self.act(request.properties)
        return rpc.CreateResponse(resource_id="made", properties=request.properties)
    async def read(self, request):
        return rpc.ReadResponse(resource_id="made", properties=request.properties, inputs=request.inputs)
    async def update(self, request):
        if not request.preview:
            await self.act(request.news)
        return rpc.UpdateResponse(properties=request.news)
    async def delete(self, request):
        pass
    async def act(self, properties):
        wanted = {name: value.value for name, value in properties.items()}
        if "mark" in wanted:
            Path(wanted["mark"]).touch()
        await asyncio.sleep(wanted.get("sleep", 0))
        if "fail" in wanted:
            raise UserError(wanted["fail"])

server.PitchbarProvider = Tiny
server.main()
"""
"""A provider whose resources mark when they begin, sleep, and fail, as their inputs say."""

_COMMAND = """\
import sys
from pathlib import Path
from infra import paths
root = Path(sys.argv.pop(1))
paths.project_root = lambda: root
sys.argv[0] = "pitchbar"
from infra.cli import main
main()
"""

Finished = subprocess.CompletedProcess[str]


@dataclass
class Tiny:
    """The project; `knobs` turn what its second resource does."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, root: Path, data: Path) -> "Tiny":
        """Write the project below a folder, and give it homes of its own."""
        for folder in ("program", "plugin"):
            (root / folder).mkdir(parents=True)
        (root / "Pulumi.yaml").write_text(_PROJECT % {"virtualenv": json.dumps(sys.prefix)})
        (root / "program" / "__main__.py").write_text(_PROGRAM)
        (root / "plugin" / "plugin.py").write_text(_PLUGIN)
        starter = root / "plugin" / "pulumi-resource-tiny"
        starter.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$(dirname "$0")/plugin.py" "$@"\n')
        starter.chmod(0o755)
        (root / ".venv").symlink_to(sys.prefix)
        (root / "worker_templates").symlink_to(Path(__file__).resolve().parents[2] / "worker_templates")
        tiny = cls(root, _environment(root, data))
        tiny.turn(outputs={"greeting": "hello"})
        return tiny

    def copy(self, root: Path, data: Path) -> "Tiny":
        """The project with its state, in another folder and with another home for data."""
        shutil.copytree(self.root, root, symlinks=True)
        return Tiny(root, _environment(root, data))

    def turn(self, *, outputs: Mapping[str, Any] | None = None, protect: bool = False, **second: Any) -> None:
        """Turn the knobs: the inputs of the second resource, the stack's outputs."""
        knobs = {"second": second, "outputs": outputs or {}, "protect": protect}
        (self.root / "program" / "knobs.json").write_text(json.dumps(knobs))

    def pitchbar(self, *arguments: str, **environ: str) -> Finished:
        """Run the command and wait for it."""
        return subprocess.run(
            self.command(*arguments), env=self.environ | environ, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=300, check=False,
        )  # fmt: skip

    def work(self, *arguments: str) -> float:
        """How many times the processor time of Python's own start the command takes: on every machine, however slow and
        busy, about the same."""
        return min(self._processor_time(self.command(*arguments)) for _ in range(3)) / min(
            self._processor_time([sys.executable, "-c", "pass"]) for _ in range(3)
        )

    def _processor_time(self, command: list[str]) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, env=self.environ, stdin=subprocess.DEVNULL, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start the command."""
        return subprocess.Popen(
            self.command(*arguments), env=self.environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, **options,
        )  # fmt: skip

    def command(self, *arguments: str) -> list[str]:
        """The command line of `pitchbar` on this project."""
        return [sys.executable, "-c", _COMMAND, str(self.root), *arguments]

    def shell(self, script: str, shell: str = "bash", cwd: Path | None = None) -> Finished:
        """Run a script of the user's, in which `pitchbar` is the command."""
        line = shlex.join(self.command())
        return subprocess.run(
            [shell, "-c", f'pitchbar() {{ {line} "$@"; }}\n{script}'], env=self.environ, cwd=cwd or self.root,
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip

    def locks(self) -> list[Path]:
        """The engine's locks."""
        return sorted((self.root / "home/state/.pulumi/locks").rglob("*.json"))

    def state(self, stack: str = "local") -> dict[str, Any]:
        """What the state holds now."""
        document = json.loads((self.root / f"home/state/.pulumi/stacks/tiny/{stack}.json").read_text())
        latest: dict[str, Any] = document["checkpoint"]["latest"]
        return latest

    def files(self) -> set[str]:
        """Every file in the project home."""
        home = self.root / "home"
        return {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}


def _environment(root: Path, data: Path) -> dict[str, str]:
    ours = ("PULUMI_", "PITCHBAR_HOME", "PITCHBAR_DATA_HOME", "PITCHBAR_BACKEND_URL")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    # So that errors say `pitchbar`, and not the way to it.
    environ["PATH"] = f"{root}/.venv/bin{os.pathsep}{environ['PATH']}"
    environ["PITCHBAR_APP_DIR"] = str(Path(__file__).parents[2] / "app")
    return environ | {"PITCHBAR_HOME": str(root / "home"), "PITCHBAR_DATA_HOME": str(data), "NO_COLOR": "1"}


def until(condition: Callable[[], object], seconds: float = 2 * PATIENCE) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
