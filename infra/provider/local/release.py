"""``pitchbar:local:Release``: the release store, and the release that the stack asks for in it."""

import compileall
import getpass
import json
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra import app_environment
from infra.errors import UserError
from infra.provider.base import Resource, extend
from infra.provider.local import layout as folders
from infra.provider.local.layout import Layout
from infra.release import content

KEPT = 10
"""Releases that the store keeps, the newest first; those in use are never removed."""

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Inputs:
    """``release``: its id. ``source``: the folder ``app/`` that it is made from when the store hasn't got it; empty
    for a pinned one."""

    directory: str
    release: str
    source: str = ""


@dataclass(frozen=True)
class State(Inputs):
    """``path``: the release's folder, in which its processes run; ``python``: the one with its dependencies;
    ``migration_head``: its newest revision."""

    path: str = ""
    python: str = ""
    migration_head: str = ""


class ReleaseResource(Resource[Inputs, State]):
    """A singleton whose update adds a release: earlier ones stay for a rollback."""

    inputs = Inputs
    state = State
    replaces = frozenset({"directory"})

    def check(self, inputs: Inputs) -> Mapping[str, str]:
        if inputs.source or (Layout(Path(inputs.directory)).releases / inputs.release / MANIFEST).exists():
            return {}
        return {"release": f"{inputs.release} is not in the release store. {_known(Layout(Path(inputs.directory)))}"}

    def create(self, inputs: Inputs) -> tuple[str, State]:
        layout = Layout(Path(inputs.directory))
        path = layout.releases / inputs.release
        if not (path / MANIFEST).exists():
            _add(inputs, path)
        _prune(layout, keep=path)
        head = json.loads((path / MANIFEST).read_text(encoding="utf-8"))["migration_head"]
        python = app_environment.ensure(path / content.LOCK)
        return "releases", extend(State, inputs, path=str(path), python=str(python), migration_head=head)

    def read(self, id: str, state: State) -> State | None:
        return state if (Path(state.path) / MANIFEST).exists() else None

    def update(self, id: str, state: State, inputs: Inputs) -> State:
        return self.create(inputs)[1]

    def delete(self, id: str, state: State) -> None:
        folders.remove(Layout(Path(state.directory)).releases)


def _add(inputs: Inputs, path: Path) -> None:
    source = Path(inputs.source)
    draft = path.with_name(f".{path.name}.draft")
    folders.remove(draft)
    for file in content.files(source):
        copy = draft / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    if content.release_id(draft) != inputs.release:
        folders.remove(draft)
        raise UserError(f"{source} was edited while release {inputs.release} was made from it. Run `pulumi up` again.")
    compileall.compile_dir(draft, quiet=2, stripdir=draft, prependdir=path)
    manifest = {
        "id": inputs.release,
        "created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "created_by": getpass.getuser(),
        "commit": _commit(source),
        "migration_head": content.migration_head(draft),
    }
    (draft / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    folders.remove(path)
    draft.rename(path)


def _commit(source: Path) -> str:
    """The commit of the working tree, with ``-dirty`` where it was edited; empty outside a repository."""
    command = ["git", "-C", str(source), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _prune(layout: Layout, keep: Path) -> None:
    in_use = {_release_of(service) for service in layout.services.glob("*/service.json")} | {keep.name}
    manifests = sorted(layout.releases.glob(f"*/{MANIFEST}"), key=lambda file: file.stat().st_mtime, reverse=True)
    for manifest in manifests[KEPT:]:
        if manifest.parent.name not in in_use:
            folders.remove(manifest.parent)


def _release_of(service: Path) -> str:
    return str(json.loads(service.read_text(encoding="utf-8"))["release"])


def _known(layout: Layout) -> str:
    known = sorted(path.parent.name for path in layout.releases.glob(f"*/{MANIFEST}"))
    if not known:
        return "The store is empty. Run `pulumi config rm pitchbar:release` to release the working tree."
    return f"It holds {', '.join(known)}."
