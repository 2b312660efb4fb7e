"""A resource of the plugin for its own tests: it has every type of field and notes each effect that is called."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from infra.provider.base import Resource, extend, replace
from infra.provider.marshal import secret

TOKEN = "pitchbar:test:Recorder"
CLASS = "tests.support.recorder:Recorder"


@dataclass(frozen=True)
class Inputs:
    """``name`` and ``count`` are required."""

    name: str
    count: int
    ratio: float = 0.5
    on: bool = False
    words: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    password: str = secret("")


@dataclass(frozen=True)
class State(Inputs):
    """``running`` is what a refresh finds; ``token`` and ``size`` are computed, the first is secret."""

    running: bool = True
    token: str = secret("")
    size: int = 0


class Recorder(Resource[Inputs, State]):
    """Another ``name`` replaces it; everything else updates it."""

    inputs = Inputs
    state = State
    replaces = frozenset({"name"})
    determines = frozenset({("ratio", "token"), ("ratio", "size"), ("words", "size")})
    calls: ClassVar[list[str]] = []

    def check(self, inputs: Inputs) -> Mapping[str, str]:
        self.calls.append("check")
        return {"count": "is negative"} if inputs.count < 0 else {}

    def create(self, inputs: Inputs) -> tuple[str, State]:
        self.calls.append("create")
        if inputs.name == "slow":
            time.sleep(0.3)
        return f"id-of-{inputs.name}", extend(State, inputs, token="made")

    def read(self, id: str, state: State) -> State | None:
        self.calls.append("read")
        return None if state.name == "gone" else replace(state, running=False)

    def update(self, id: str, state: State, inputs: Inputs) -> State:
        self.calls.append("update")
        return extend(State, inputs, token=state.token)

    def delete(self, id: str, state: State) -> None:
        self.calls.append("delete")
