"""The real engine over the real program, with doubles attached for every provider that would need an account."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from infra import toolchain
from infra.paths import project_root
from tests.support.aws.doubles import CloudDouble
from tests.support.aws.providers import Journal, attached
from tests.support.environment import short_folder
from tests.support.stack import Done

Entry = tuple[str, str, str]


@dataclass
class Engine:
    """A backend of its own, and one stack in it."""

    folder: Path
    stack: str
    variables: Mapping[str, str]
    journal: Journal
    clouds: CloudDouble
    project: Path

    def pulumi(self, *arguments: str) -> Done:
        """Run the CLI on the stack."""
        done = subprocess.run(
            [str(toolchain.locate().pulumi), *arguments, "--non-interactive", "-s", self.stack],
            env={**os.environ, **self.variables},
            cwd=self.project,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )
        return Done(done.returncode, done.stdout + done.stderr, 0.0)

    def configure(self, values: Mapping[str, str], secrets: Mapping[str, str]) -> None:
        """Make the stack with a configuration of its own, which is in no tracked file."""
        self.pulumi("stack", "init").must_succeed()
        path = self._config_file
        kept = yaml.safe_load(path.read_text()) if path.exists() else {}
        path.write_text(yaml.safe_dump({**(kept or {}), "config": dict(values)}))
        for key, value in secrets.items():
            self.pulumi("config", "set", "--secret", key, value, *self._config).must_succeed()

    def set(self, key: str, value: str) -> None:
        """Change the configuration."""
        self.pulumi("config", "set", key, value, *self._config).must_succeed()

    def up(self, *arguments: str) -> Done:
        """Bring the stack up."""
        return self.pulumi("up", "--yes", "--skip-preview", *arguments, *self._config)

    def destroy(self) -> Done:
        """Try to take it down, as people do: with a look at it first."""
        return self.pulumi("destroy", "--yes", *self._config)

    def changes(self) -> dict[str, int]:
        """What the last update did, by kind."""
        done = self.pulumi("stack", "history", "--json", "--page-size", "1").must_succeed()
        [last] = json.loads(done.output)
        return {kind: count for kind, count in last["resourceChanges"].items() if kind != "same"}

    def state(self, *arguments: str) -> dict[str, Any]:
        """The stack's state; ``--show-secrets`` has them in clear."""
        exported: dict[str, Any] = json.loads(self.pulumi("stack", "export", *arguments).must_succeed().output)
        return exported

    def effects(self) -> list[Entry]:
        """What the doubles were asked for since the last time."""
        plugin = [] if not self._plugin.exists() else self._plugin.read_text().splitlines()
        self._plugin.write_text("")
        ours = [(operation, token, "") for operation, token in map(json.loads, plugin)]
        return [*self.journal.taken(), *ours]

    def refuse(self, token: str | None) -> None:
        """Let the plugin's double refuse the effects of one type, or of none."""
        self._plugin.with_name(f"{self._plugin.name}.refuse").write_text(token or "")

    @property
    def _plugin(self) -> Path:
        return self.folder / "plugin.journal"

    @property
    def _config_file(self) -> Path:
        return self.folder / f"Pulumi.{self.stack}.yaml"

    @property
    def _config(self) -> tuple[str, str]:
        return "--config-file", str(self._config_file)


@contextlib.contextmanager
def engine(stack: str, clouds: CloudDouble, project: Path | None = None, app: Path | None = None) -> Iterator[Engine]:
    """An engine whose providers are doubles. ``project``: the folder of Pulumi.yaml, ours by default. ``app``: what is
    released."""
    with short_folder() as folder, attached(clouds) as (providers, journal), _plugin(folder) as port:
        (folder / "state").mkdir()
        tools = toolchain.locate()
        path = [str(tools.language_host)] if tools.language_host else []
        variables = {
            "PATH": os.pathsep.join([*path, str(tools.pulumi.parent), os.environ["PATH"]]),
            "PULUMI_BACKEND_URL": f"file://{folder}/state",
            "PULUMI_CONFIG_PASSPHRASE": "of-the-tests",
            "PULUMI_HOME": f"{folder}/pulumi",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_DEBUG_PROVIDERS": f"{providers},pitchbar:{port}",
            "PITCHBAR_HOME": f"{folder}/home",
            "PITCHBAR_DATA_HOME": f"{folder}/data",
        }
        if app:
            variables["PITCHBAR_APP_DIR"] = str(app)
        yield Engine(folder, stack, variables, journal, clouds, project or project_root())


@contextlib.contextmanager
def _plugin(folder: Path) -> Iterator[int]:
    command = [sys.executable, "-m", "tests.support.aws.plugin_double", str(folder / "plugin.journal")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=project_root())
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
