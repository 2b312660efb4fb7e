"""The manifest that the release store keeps of a release; it is written once and never changed."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from infra.release import runtime as runtimes
from infra.release.migrations import Revision
from infra.release.runtime import Runtime

NAME = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """What a release is and where it came from. ``created_at`` is UTC in ISO 8601."""

    id: str
    created_at: str
    created_by: str
    commit: str
    revisions: tuple[Revision, ...]
    runtime: Runtime
    image: str = ""
    """Where containers run it: the image by its digest."""

    @property
    def migration_head(self) -> str:
        """The newest revision that its code knows."""
        return self.revisions[-1].id


def write(folder: Path, manifest: Manifest) -> None:
    """Write the manifest into the release's folder."""
    (folder / NAME).write_text(to_json(manifest), encoding="utf-8")


def read(folder: Path) -> Manifest | None:
    """The manifest in a release's folder; None where there is no release."""
    try:
        return parse((folder / NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def to_json(manifest: Manifest) -> str:
    """The manifest's text."""
    return json.dumps(asdict(manifest), indent=2) + "\n"


def parse(text: str) -> Manifest:
    """What :func:`to_json` wrote."""
    document: dict[str, Any] = json.loads(text)
    return Manifest(
        id=document["id"],
        created_at=document["created_at"],
        created_by=document["created_by"],
        commit=document["commit"],
        revisions=tuple(Revision(**revision) for revision in document["revisions"]),
        runtime=runtimes.from_json(json.dumps(document["runtime"])),
        image=document.get("image", ""),
    )


@dataclass(frozen=True)
class Folder:
    """A release store that is a folder."""

    path: Path

    def read(self, release: str) -> Manifest | None:
        """The manifest of one release."""
        return read(self.path / release)

    def missing(self, release: str) -> str:
        """Why a release can't be had from it."""
        return missing(release, [found.id for found in read_all(self.path)])


def missing(release: str, ids: Sequence[str]) -> str:
    """Why a release can't be had from a store that has these, and what to do."""
    known = ", ".join(ids)
    if not known:
        return f"{release} is not in the release store, which is empty. Run `pulumi config rm pitchbar:release`."
    return f"{release} is not in the release store, which holds {known}."


def read_all(store: Path) -> list[Manifest]:
    """The manifests of a release store, the newest first."""
    folders = (path.parent for path in store.glob(f"*/{NAME}"))
    manifests = [manifest for manifest in map(read, folders) if manifest]
    return sorted(manifests, key=lambda manifest: manifest.created_at, reverse=True)
