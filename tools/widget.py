"""The widget's own tools on the Node.js that set-up chose: `python -m tools.widget types lint build`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

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


def main(names: Sequence[str]) -> int:
    """Run the tools one after another; the first that fails ends it."""
    for name in names:
        done = subprocess.run(command(name), cwd=FOLDER, check=False)
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except UserError as error:
        sys.exit(f"{Path(sys.argv[0]).stem}: {error}")
