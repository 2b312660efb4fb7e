"""``pitchbar:aws:FirstTick``: the tick that is sent right after deployment, as the cron Worker will send the next."""

from dataclasses import dataclass

from infra.checks import CheckFailed, eventually, queue_tick
from infra.errors import UserError
from infra.provider.base import Resource, extend
from infra.provider.marshal import secret

_SECONDS = 30.0
_EVERY = 1.0
"""The edge lets 50 ticks in 10 s through from one address (:mod:`infra.edge.limits`), then none for 10 s."""


@dataclass(frozen=True)
class Inputs:
    """``script_digest``: of the cron Worker; ``release``: the one that answers."""

    app_url: str
    script_digest: str
    release: str
    queue_token: str = secret()


@dataclass(frozen=True)
class State(Inputs):
    """``pass_id``: the pass over the queues that the tick began."""

    pass_id: str = ""


class FirstTickResource(Resource[Inputs, State]):
    """Sent when something that a tick depends on changes: the address, the script, the release, the token."""

    inputs = Inputs
    state = State
    determines = frozenset((input, "pass_id") for input in ("app_url", "script_digest", "release", "queue_token"))

    def create(self, inputs: Inputs) -> tuple[str, State]:
        try:
            pass_id = eventually(lambda: _tick(inputs), _SECONDS, every=_EVERY)
        except CheckFailed as error:
            raise UserError(f"The first tick was refused: {error} Run `pitchbar deploy-cron-worker`.") from None
        return "first-tick", extend(State, inputs, pass_id=pass_id)

    def update(self, id: str, state: State, inputs: Inputs) -> State:
        return self.create(inputs)[1]

    def delete(self, id: str, state: State) -> None:
        """There is nothing to undo."""


def _tick(inputs: Inputs) -> str:
    tick = queue_tick(inputs.app_url, inputs.queue_token)
    if tick.error:
        raise CheckFailed(tick.error)
    return str(tick.document["id"])
