"""The least that a Pulumi program with a plugin can be: one resource of one class."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.commands import Timed, must, pulumi
from infra import toolchain
from infra.toolchain import locate

_PROGRAM = """\
import pulumi


class One(pulumi.CustomResource):
    def __init__(self) -> None:
        super().__init__("one:index:One", "one", {"text": "one"})


pulumi.export("one", One().id)
"""

_PLUGIN = """\
import sys

from pulumi.provider.experimental import provider as rpc
from pulumi.provider.experimental.server import main


class Provider(rpc.Provider):
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
        return rpc.DiffResponse(changes=False)

    async def create(self, request):
        return rpc.CreateResponse(resource_id="one", properties=request.properties)

    async def delete(self, request):
        return None


main(sys.argv[1:], "0.1.0", Provider())
"""

_PROJECT = """\
name: one
runtime:
  name: python
  options:
    virtualenv: {virtualenv}
main: program
plugins:
  providers:
    - name: one
      path: plugin
"""


@dataclass(frozen=True)
class Empty:
    """The project, with its own state, on the CLI, the language host and the Python that ours is run with."""

    folder: Path

    def make(self) -> None:
        """Write it and bring it up once, so that from then on there is nothing to do."""
        for name in ("program", "plugin", "state"):
            (self.folder / name).mkdir(parents=True)
        project = _PROJECT.format(virtualenv=Path(sys.executable).parent.parent)
        (self.folder / "Pulumi.yaml").write_text(project, encoding="utf-8")
        (self.folder / "program" / "__main__.py").write_text(_PROGRAM, encoding="utf-8")
        (self.folder / "plugin" / "one.py").write_text(_PLUGIN, encoding="utf-8")
        starter = self.folder / "plugin" / "pulumi-resource-one"
        starter.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{self.folder}/plugin/one.py" "$@"\n', encoding="utf-8")
        starter.chmod(0o755)
        (self.folder / "passphrase").write_text("of a project that holds no secret\n", encoding="utf-8")
        for command in (
            pulumi("stack", "init", "one", "--secrets-provider", "passphrase"),
            pulumi("up", "--yes", "--skip-preview"),
        ):
            must(command, env=self._environment(), cwd=self.folder)

    def up(self) -> Timed:
        """A no-op `up`."""
        command = pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")
        return must(command, env=self._environment(), cwd=self.folder)

    def _environment(self) -> dict[str, str]:
        tools = locate()
        first = [str(folder) for folder in (tools.language_host, tools.pulumi.parent) if folder]
        return {
            **os.environ,
            "PATH": os.pathsep.join([*first, os.environ.get("PATH", os.defpath)]),
            "PITCHBAR_CACHE_HOME": str(toolchain.cache_home()),
            "PULUMI_STACK": "one",
            "PULUMI_BACKEND_URL": f"file://{self.folder}/state",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.folder / "passphrase"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }
