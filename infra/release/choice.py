"""Which release a stack runs: the pinned one, or the working tree."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from infra.errors import UserError
from infra.model import Environment
from infra.release.content import LIVE, live_id, release_id, with_image
from infra.release.manifest import Manifest
from infra.release.runtime import Runtime, render


@dataclass(frozen=True)
class Choice:
    """A release. ``source``: the folder that it is made from; empty for one that is in the store. ``kept``: what the
    store has of it."""

    release: str
    source: str
    runtime: Runtime
    kept: Manifest | None = None


class Store(Protocol):
    """Where a target keeps the manifests of the releases."""

    def read(self, release: str) -> Manifest | None:
        """One of them; None where it isn't there."""

    def missing(self, release: str) -> str:
        """Why a release can't be had, and what to do."""


def working_tree(source: Path, environment: Environment, image: str | None = None) -> Choice:
    """The release that the app in ``source`` is, or the ``image`` that the stack names in its place."""
    runtime = render(environment)
    return Choice(with_image(release_id(source, runtime), image), str(source), runtime)


def live(source: Path, environment: Environment) -> Choice:
    """The release whose files follow ``source``."""
    runtime = render(environment)
    return Choice(live_id(source, runtime), str(source), runtime)


def choose(
    pinned: str | None,
    source: Path,
    environment: Environment,
    store: Store,
    *,
    image: str | None = None,
    rebuild: bool = False,
) -> Choice:
    """The pinned release as the store has it, else the working tree, which may be the pinned one itself.

    ``image``: see :func:`working_tree`. ``rebuild``: a pinned release that the working tree still is has its folder
    too, for a target that builds from it.

    Raises :class:`UserError` for a pinned release that is neither.
    """
    found = store.read(pinned) if pinned else None
    if found:
        still = rebuild and working_tree(source, environment, image).release == found.id
        return Choice(found.id, str(source) if still else "", found.runtime, found)
    follows = pinned is not None and pinned.startswith(LIVE)
    tree = live(source, environment) if follows else working_tree(source, environment, image)
    if pinned not in (None, tree.release):
        raise UserError(f"The pinned release {store.missing(str(pinned))}")
    return tree
