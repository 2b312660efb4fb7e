"""`pitchbar releases`: what was deployed with what result, which release runs, and which can be rolled back to."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from infra.ops import outputs
from infra.ops.history import Deployment, deployments
from infra.ops.kept import kept as kept_releases
from infra.ops.stacks import Stack
from infra.release.manifest import Manifest
from infra.release.migrations import reachable_from

NEVER_SUCCEEDED = "it was never deployed successfully"


@dataclass(frozen=True)
class ReleaseEntry:
    """One release. ``deployed_at`` and ``result``: of its latest deployment. ``obstacle``: why it can't be rolled
    back to; empty where it can."""

    id: str
    deployed_at: str
    result: str
    by: str
    commit: str
    running: bool
    obstacle: str

    def document(self) -> dict[str, Any]:
        """The entry for programs."""
        return {**asdict(self), "can_roll_back": not (self.running or self.obstacle)}


def releases(stack: Stack) -> tuple[ReleaseEntry, ...]:
    """The stack's releases, the most recently deployed first."""
    found = outputs.read(stack).public
    running, schema = str(found.get("release") or ""), str(found.get("schema_revision") or "")
    history = deployments(stack)
    store = kept_releases(stack)
    order = list(dict.fromkeys([deployment.release for deployment in history] + [each.id for each in store]))
    return tuple(_entry(id, history, store, running, schema) for id in order)


def _entry(
    id: str, history: Sequence[Deployment], store: Sequence[Manifest], running: str, schema: str
) -> ReleaseEntry:
    own = [deployment for deployment in history if deployment.release == id]
    kept = next((each for each in store if each.id == id), None)
    return ReleaseEntry(
        id=id,
        deployed_at=own[0].at if own else (kept.created_at if kept else ""),
        result=own[0].result if own else "unpinned",
        by=kept.created_by if kept else own[0].by,
        commit=kept.commit if kept else own[0].commit,
        running=id == running,
        obstacle=_obstacle(id, own, kept, store, running, schema),
    )


def _obstacle(
    id: str,
    own: Sequence[Deployment],
    kept: Manifest | None,
    store: Sequence[Manifest],
    running: str,
    schema: str,
) -> str:
    if id == running:
        return ""
    if own and not any(deployment.result == "succeeded" for deployment in own):
        return NEVER_SUCCEEDED
    if not kept:
        return "it is no longer in the release store"
    known = [revision.id for revision in kept.revisions]
    safe = {*known, *reachable_from(known, [each.revisions for each in store])}
    if schema and schema not in safe:
        return f"the database is at revision {schema}, on which it can't run"
    return ""
