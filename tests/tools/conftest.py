"""A tiny Pulumi project with a state, a home and a CLI of its own, whose language host is always ours."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra import paths, toolchain
from tests.support.processes import PATIENCE

HOST = paths.project_root() / "tools" / "language_host" / "pulumi-language-python"


@dataclass(frozen=True)
class Project:
    """The project and how to run the CLI on it."""

    folder: Path
    environment: dict[str, str]

    def program(self, text: str) -> None:
        """Write the program."""
        (self.folder / "__main__.py").write_text(text)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the CLI."""
        return subprocess.Popen(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def pulumi(self, *arguments: str) -> tuple[int, str]:
        """Run the CLI to its end; its exit code and what it printed."""
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=4 * PATIENCE)
        return process.returncode, output

    def up(self, *arguments: str) -> tuple[int, str]:
        """Run `pulumi up` without a preview."""
        return self.pulumi("up", "--yes", "--skip-preview", *arguments)


@pytest.fixture(scope="session")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the Pulumi CLI and, beside it, our language host."""
    folder = tmp_path_factory.mktemp("cli")
    original = toolchain.locate().pulumi
    try:
        (folder / "pulumi").hardlink_to(original)
    except OSError:
        shutil.copy2(original, folder / "pulumi")
    (folder / HOST.name).symlink_to(HOST)
    return folder


@pytest.fixture
def project(cli: Path, tmp_path: Path) -> Project:
    """An empty project with an initialised stack `dev`."""
    state, folder = tmp_path / "state", tmp_path / "project"
    state.mkdir()
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")}
    environment = {
        **kept,
        "PATH": f"{cli}:{os.environ['PATH']}",
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_CONFIG_PASSPHRASE": "only for this test",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    made = Project(folder, environment)
    code, output = made.pulumi("stack", "init", "dev")
    assert code == 0, output
    return made
