"""``pitchbar:local:Renewal``: the gate before the app-key's previous value is retired.

What the database holds under that value is encrypted under the current one by the release's own command. Where
something can't be, the update fails before any process has lost the previous value.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.errors import UserError
from infra.provider.base import Resource, extend
from infra.provider.local.layout import ACCEPTED, Layout, user_for
from infra.provider.local.run import run
from infra.provider.local.supervision import Supervisor
from infra.provider.marshal import secret
from infra.provider.redaction import secrets_of

KEY, PREVIOUS = "APP_KEY", "APP_PREVIOUS_KEYS"


@dataclass(frozen=True)
class Inputs:
    """``version``: of the app-key. ``retire``: whether its previous value is to be given up. ``command`` runs in
    ``path`` with ``environment`` for at most ``timeout`` seconds; it is empty where the release has none."""

    directory: str
    release: str
    path: str
    command: tuple[str, ...]
    timeout: int
    version: int
    retire: bool
    environment: Mapping[str, str] = secret()


@dataclass(frozen=True)
class State(Inputs):
    """``renewed``: how many values were encrypted anew when the previous one was retired."""

    renewed: int = 0


class RenewalResource(Resource[Inputs, State]):
    """Runs once for each retirement, whichever release it is: a value written later is under the current key."""

    inputs = Inputs
    state = State
    determines = frozenset({("version", "renewed"), ("retire", "renewed")})
    ignored = frozenset({"release", "path", "command", "timeout", "environment"})

    def create(self, inputs: Inputs) -> tuple[str, State]:
        needed = inputs.retire and bool(inputs.environment[PREVIOUS])
        return "renewal", extend(State, inputs, renewed=_renew(inputs) if needed else 0)

    def update(self, id: str, state: State, inputs: Inputs) -> State:
        return self.create(inputs)[1]

    def delete(self, id: str, state: State) -> None:
        """What was renewed stays."""


def _renew(inputs: Inputs) -> int:
    what = f"The renewal of what is encrypted, by release {inputs.release},"
    if not inputs.command:
        raise UserError(
            f"Release {inputs.release} has no command that encrypts settings anew, so the app-key's previous value "
            "can't be retired. Retire it with a later release."
        )
    _must_be_known_to_all(inputs)
    output = run(
        inputs.command,
        what=what,
        timeout=inputs.timeout,
        environment=inputs.environment,
        secrets=secrets_of(inputs.environment),
        directory=Path(inputs.path),
        user=user_for(Path(inputs.command[0])),
    )
    try:
        return int(json.loads(output.splitlines()[-1])["renewed"])
    except (IndexError, KeyError, TypeError, ValueError):
        raise UserError(f'{what} printed no last line of the form {{"renewed": COUNT}}.') from None


def _must_be_known_to_all(inputs: Inputs) -> None:
    """Refuse while a process serves that has the previous key alone: it could not read what was renewed."""
    layout = Layout(Path(inputs.directory))
    for accepted in sorted(layout.services.glob(f"*/{ACCEPTED}")):
        generation = accepted.parent.name
        program = Supervisor(layout).program(generation)
        if program and program.environment.get(KEY, inputs.environment[KEY]) != inputs.environment[KEY]:
            raise UserError(
                f"{generation} still runs with the app-key before the rotation, so that can't be retired. "
                "Run `pitchbar up`, which finishes the rotation, then retire it."
            )
