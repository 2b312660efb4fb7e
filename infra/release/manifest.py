"""The manifest that the release store keeps of a release; it is written once and never changed."""

import json
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

    @property
    def migration_head(self) -> str:
        """The newest revision that its code knows."""
        return self.revisions[-1].id


def write(folder: Path, manifest: Manifest) -> None:
    """Write the manifest into the release's folder."""
    (folder / NAME).write_text(json.dumps(asdict(manifest), indent=2) + "\n", encoding="utf-8")


def read(folder: Path) -> Manifest | None:
    """The manifest in a release's folder; None where there is no release."""
    try:
        document: dict[str, Any] = json.loads((folder / NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Manifest(
        id=document["id"],
        created_at=document["created_at"],
        created_by=document["created_by"],
        commit=document["commit"],
        revisions=tuple(Revision(**revision) for revision in document["revisions"]),
        runtime=runtimes.from_json(json.dumps(document["runtime"])),
    )


def missing(store: Path, release: str) -> str:
    """Why a release can't be had from the store, and what to do."""
    known = ", ".join(found.id for found in read_all(store))
    if not known:
        return f"{release} is not in the release store, which is empty. Run `pulumi config rm pitchbar:release`."
    return f"{release} is not in the release store, which holds {known}."


def read_all(store: Path) -> list[Manifest]:
    """The manifests of a release store, the newest first."""
    folders = (path.parent for path in store.glob(f"*/{NAME}"))
    manifests = [manifest for manifest in map(read, folders) if manifest]
    return sorted(manifests, key=lambda manifest: manifest.created_at, reverse=True)
