"""The widget's own tools on the Node.js that set-up chose: `python -m tools.widget types lint build`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from infra import toolchain
from infra.errors import UserError

FOLDER = toolchain.checkout() / "app" / "widget"
COMMANDS = {
    "types": ("node_modules/typescript/bin/tsc", "--noEmit"),
    "lint": ("node_modules/eslint/bin/eslint.js", "--max-warnings", "0", "."),
    "build": ("build.mjs",),
    "check": ("build.mjs", "--check"),
    "watch": ("build.mjs", "--watch"),
}


def command(name: str) -> list[str]:
    """The command line of one of the tools, to be run in `FOLDER`. Raises `UserError` before `make setup-dev`."""
    node = toolchain.recorded().get("node") or ""
    if not os.access(node, os.X_OK) or not (FOLDER / "node_modules").is_dir():
        raise UserError("The widget's tools are missing. To get them, type: make setup-dev")
    return [node, *COMMANDS[name]]


def main(names: Sequence[str]) -> NoReturn:
    """Run the tools one after another, and exit with the first failure or with the last one's code."""
    *first, last = [command(name) for name in names]
    os.chdir(FOLDER)
    for line in first:
        done = subprocess.run(line, check=False)
        if done.returncode:
            sys.exit(done.returncode)
    sys.stdout.flush()
    os.execv(last[0], last)  # So that whoever stops this stops that.


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UserError as error:
        sys.exit(f"{Path(sys.argv[0]).stem}: {error}")
