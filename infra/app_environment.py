"""The virtual environment of an app's locked dependencies: made once for each lock file, shared by its releases."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from infra.building import make_once, nothing
from infra.errors import UserError
from infra.toolchain import app_environment, app_python

Run = Callable[[list[str]], None]
"""Runs one command to its end; raises when it fails."""


def ensure(
    lock: Path, *, python: Path | None = None, run: Run | None = None, on_wait: Callable[[], None] = nothing
) -> Path:
    """The Python of this lock file's environment, made first where it is missing.

    `python` is one that has pip, by default the running one; pip reads its user's configuration.
    """
    execute = run or _run
    builder = str(python or sys.executable)

    def build(folder: Path) -> None:
        execute([builder, "-m", "venv", "--without-pip", str(folder)])
        inside = ["--python", str(folder / "bin" / "python"), "--disable-pip-version-check", "--no-input"]
        install = ["install", "--quiet", "--no-compile", "--require-hashes", "--only-binary", ":all:", "-r", str(lock)]
        execute([builder, "-m", "pip", *inside, *install])
        compile_bytecode(folder / "lib")

    make_once(app_environment(lock), build, on_wait)
    return app_python(lock)


def compile_bytecode(folder: Path) -> None:
    """Compile every module below `folder`, so that the first start is as quick as the second.

    A file that does not compile is left alone: packages ship templates that are no valid Python.
    """
    command = [sys.executable, "-m", "compileall", "-q", "-j", "2", str(folder)]
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise UserError(
            f"The app's dependencies could not be installed: '{command[2]}' ended with exit code {done.returncode}. "
            "When the reason below is mended, type: make setup",
            (done.stderr or done.stdout).strip().splitlines()[-5:],
        )
