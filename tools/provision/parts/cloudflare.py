"""Cloudflare's own runtime (workerd, by npm's miniflare), in which the local target runs the cron Worker."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from infra.building import make_once
from tools.provision.context import Context
from tools.provision.execute import CommandFailed, PartError, run
from tools.provision.parts.node import Node, npm, program

_FILES = ("package.json", "package-lock.json", "clock.mjs", "workerd.sh")


class Cloudflare:
    """`miniflare` with `workerd`, and the clock that runs a Worker in it."""

    name = "Cloudflare's runtime"

    def ready(self, context: Context) -> bool:
        """Whether this lock's version is installed."""
        return _folder(context).exists()

    def make(self, context: Context) -> None:
        """Have npm install it; no package's own script runs."""
        context.wait_for(Node.name)
        make_once(_folder(context), lambda folder: _build(context, folder), lambda: context.waiting(self.name))

    def record(self, context: Context) -> Mapping[str, str | None]:
        """The folder that has `clock.mjs`."""
        return {"cloudflare": str(_folder(context))} if self.ready(context) else {}


def _build(context: Context, folder: Path) -> None:
    for name in _FILES:
        shutil.copyfile(_source(context) / name, folder / name)
    (folder / "workerd.sh").chmod(0o755)
    node = program(context)
    path = {"PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    again = "make setup   (again, when that is mended)"
    try:
        run([*npm(node), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, env=path)
        said = run([str(node), str(folder / "node_modules" / ".bin" / "workerd"), "--version"], timeout=30)
    except (CommandFailed, OSError) as error:
        raise PartError(f"npm could not install tools/cloudflare/package-lock.json:\n{error}", again) from None
    if not said.startswith("workerd "):
        raise PartError(f"workerd says it is '{said.strip()}'", again)


def _source(context: Context) -> Path:
    return context.root / "tools" / "cloudflare"


def _folder(context: Context) -> Path:
    version = json.loads((_source(context) / "package.json").read_text())["dependencies"]["miniflare"]
    content = hashlib.sha256(b"".join((_source(context) / name).read_bytes() for name in _FILES))
    return context.cache / f"cloudflare-{version}-{content.hexdigest()[:8]}"
