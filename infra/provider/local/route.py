"""``pitchbar:local:Route``: the switch between releases.

The gateway connects to ``current/<process>/<n>.sock`` anew for each request, and ``current`` is a link. So sending
visitors to another release is one rename(2) of that link: no reload, no dropped connection, all processes at the same
moment.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.provider.base import Resource, extend, replace
from infra.provider.local import layout as folders
from infra.provider.local.layout import Layout
from infra.provider.local.service import folder_of


@dataclass(frozen=True)
class Inputs:
    """``generations``: for each process that visitors reach, the one they shall reach. ``release``: whose they are."""

    directory: str
    release: str
    generations: Mapping[str, str]


@dataclass(frozen=True)
class State(Inputs):
    """``current``: the generations that visitors do reach."""

    current: Mapping[str, str] = field(default_factory=dict)


class RouteResource(Resource[Inputs, State]):
    """A singleton; its update is the switch."""

    inputs = Inputs
    state = State
    replaces = frozenset({"directory"})
    determines = frozenset({("generations", "current")})

    def create(self, inputs: Inputs) -> tuple[str, State]:
        layout = Layout(Path(inputs.directory))
        if _current(layout) != inputs.generations:
            _switch(layout, inputs.generations)
        return "route", extend(State, inputs, current=inputs.generations)

    def read(self, id: str, state: State) -> State | None:
        current = _current(Layout(Path(state.directory)))
        return replace(state, current=current) if current else None

    def update(self, id: str, state: State, inputs: Inputs) -> State:
        return self.create(inputs)[1]

    def delete(self, id: str, state: State) -> None:
        layout = Layout(Path(state.directory))
        layout.current.unlink(missing_ok=True)
        for routes in layout.services.glob(".routes-*"):
            folders.remove(routes)

    def drift(self, state: State) -> frozenset[str]:
        return frozenset() if state.current == state.generations else frozenset({"current"})


def _current(layout: Layout) -> dict[str, str]:
    if not layout.current.is_dir():
        return {}
    return {link.name: link.readlink().name for link in layout.current.iterdir()}


def _switch(layout: Layout, generations: Mapping[str, str]) -> None:
    stale = tuple(layout.services.glob(".routes-*"))
    routes = layout.services / f".routes-{secrets.token_hex(4)}"
    routes.mkdir()
    for process, generation in generations.items():
        (routes / process).symlink_to(folder_of(layout, generation))
    draft = layout.directory / "current.draft"
    draft.unlink(missing_ok=True)
    draft.symlink_to(routes)
    draft.rename(layout.current)
    for old in stale:
        folders.remove(old)
