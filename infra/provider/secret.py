"""``pitchbar:index:Secret``: a generated secret with its current and its previous value.

Rotation is two explicit updates: a higher ``version`` makes a new value and keeps the one before as ``previous``,
which is still accepted; ``retire_previous`` then drops it.
"""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from infra.provider.base import Resource, extend
from infra.provider.marshal import secret

_KINDS = {
    "token": lambda: secrets.token_hex(32),
    "password": lambda: secrets.token_urlsafe(18),
    "key": lambda: "base64:" + base64.b64encode(secrets.token_bytes(32)).decode(),
}
"""``key`` is Laravel's format of APP_KEY for AES-256."""


@dataclass(frozen=True)
class Inputs:
    """``kind``: token, password or key. ``version``: raise it by one to rotate."""

    kind: str
    version: int = 1
    retire_previous: bool = False


@dataclass(frozen=True)
class State(Inputs):
    """``value`` is current; ``previous`` is empty when there is none."""

    value: str = secret("")
    previous: str = secret("")


class SecretResource(Resource[Inputs, State]):
    """Made once; its value changes only by rotation."""

    inputs = Inputs
    state = State
    replaces = frozenset({"kind"})
    determines = frozenset({("version", "value"), ("version", "previous"), ("retire_previous", "previous")})

    def check(self, inputs: Inputs) -> Mapping[str, str]:
        reasons = {}
        if inputs.kind not in _KINDS:
            reasons["kind"] = f"is {inputs.kind!r}; it must be one of {', '.join(_KINDS)}"
        if inputs.version < 1:
            reasons["version"] = f"is {inputs.version}; the first version is 1"
        return reasons

    def create(self, inputs: Inputs) -> tuple[str, State]:
        return secrets.token_hex(8), extend(State, inputs, value=_KINDS[inputs.kind](), previous="")

    def update(self, id: str, state: State, inputs: Inputs) -> State:
        value, previous = state.value, state.previous
        if inputs.version != state.version:
            value, previous = _KINDS[inputs.kind](), value
        return extend(State, inputs, value=value, previous="" if inputs.retire_previous else previous)

    def delete(self, id: str, state: State) -> None:
        pass
