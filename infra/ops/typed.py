"""Commands as people can type them here: `pitchbar` where it is on PATH, else with the way to it."""

import shutil
from pathlib import Path

from infra.paths import project_root


def typed(arguments: str) -> str:
    """A `pitchbar` command line that works in the current folder."""
    return f"{_program()} {arguments}"


def in_shell(stack: str, command: str) -> str:
    """A bare `pulumi` command line on a stack, with what it needs before it."""
    return f'eval "$({typed(f"env -s {stack}")})" && {command}'


def _program() -> str:
    ours = project_root() / ".venv" / "bin" / "pitchbar"
    found = shutil.which("pitchbar")
    if found and Path(found).resolve() == ours.resolve():
        return "pitchbar"
    try:
        return str(ours.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(ours)
