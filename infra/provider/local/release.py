"""``pitchbar:local:Release``: the release store, and the release that the stack asks for in it."""

import compileall
import getpass
import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from infra import app_environment
from infra.errors import UserError
from infra.provider.base import Resource, extend
from infra.provider.local import layout as folders
from infra.provider.local.layout import Layout
from infra.release import content, manifest, migrations
from infra.release.manifest import Manifest
from infra.release.runtime import from_json

KEPT = 10
"""Releases that the store keeps, the newest first; those in use are never removed."""


@dataclass(frozen=True)
class Inputs:
    """``release``: its id. ``source``: the folder ``app/`` that it is made from when the store hasn't got it.
    ``runtime``: its runtime configuration as JSON."""

    directory: str
    release: str
    runtime: str
    source: str = ""


@dataclass(frozen=True)
class State(Inputs):
    """``path``: the release's folder, in which its processes run; ``python``: the one with its dependencies;
    ``migration_head``: the newest revision that it knows."""

    path: str = ""
    python: str = ""
    migration_head: str = ""


class ReleaseResource(Resource[Inputs, State]):
    """A singleton whose update adds a release: earlier ones stay for a rollback."""

    inputs = Inputs
    state = State
    replaces = frozenset({"directory"})
    determines = frozenset({("release", "path"), ("release", "python"), ("release", "migration_head")})
    ignored = frozenset({"source"})

    def check(self, inputs: Inputs) -> Mapping[str, str]:
        store = Layout(Path(inputs.directory)).releases
        if inputs.source or manifest.read(store / inputs.release):
            return {}
        return {"release": manifest.Folder(store).missing(inputs.release)}

    def create(self, inputs: Inputs) -> tuple[str, State]:
        layout = Layout(Path(inputs.directory))
        path = layout.releases / inputs.release
        found = manifest.read(path) or _add(inputs, path)
        _prune(layout, keep=path)
        python = app_environment.ensure(path / content.LOCK)
        return "releases", extend(
            State, inputs, path=str(path), python=str(python), migration_head=found.migration_head
        )

    def read(self, id: str, state: State) -> State | None:
        return state if manifest.read(Path(state.path)) else None

    def update(self, id: str, state: State, inputs: Inputs) -> State:
        return self.create(inputs)[1]

    def delete(self, id: str, state: State) -> None:
        folders.remove(Layout(Path(state.directory)).releases)


def _add(inputs: Inputs, path: Path) -> Manifest:
    source = Path(inputs.source)
    draft = path.with_name(f".{path.name}.draft")
    folders.remove(draft)
    for file in content.files(source):
        copy = draft / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    runtime = from_json(inputs.runtime)
    if content.identify(inputs.release, draft, runtime) != inputs.release:
        folders.remove(draft)
        raise UserError(f"{source} was edited while release {inputs.release} was made from it. Run `pulumi up` again.")
    compileall.compile_dir(draft, quiet=2, stripdir=draft, prependdir=path)
    made = Manifest(
        id=inputs.release,
        created_at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        created_by=getpass.getuser(),
        commit=_commit(source),
        revisions=migrations.revisions(draft),
        runtime=runtime,
    )
    manifest.write(draft, made)
    folders.remove(path)
    draft.rename(path)
    return made


def _commit(source: Path) -> str:
    """The commit of the working tree, with ``-dirty`` where it was edited; empty outside a repository."""
    command = ["git", "-C", str(source), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _prune(layout: Layout, keep: Path) -> None:
    in_use = {_release_of(service) for service in layout.services.glob("*/service.json")} | {keep.name}
    for old in manifest.read_all(layout.releases)[KEPT:]:
        if old.id not in in_use:
            folders.remove(layout.releases / old.id)


def _release_of(service: Path) -> str:
    return str(json.loads(service.read_text(encoding="utf-8"))["release"])
