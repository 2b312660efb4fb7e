"""``pitchbar:local:Verification``: the gate between a release's new processes and the gateway's switch to them.

It asks the candidates on their private listeners what a visitor would: health and release of every process, a job through Redis, the
worker and PostgreSQL, and its event back over a WebSocket. A refused candidate is stopped, so that it takes no jobs.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from infra import checks
from infra.endpoints import CheckFailed, Endpoint, unix_endpoint
from infra.errors import UserError
from infra.provider.base import Resource, extend
from infra.provider.local.layout import Layout
from infra.provider.local.service import ACCEPTED, folder_of
from infra.provider.local.supervision import Supervisor
from infra.provider.marshal import secret


@dataclass(frozen=True)
class Inputs:
    """``generations`` and ``replicas``: of each process (app, worker, realtime). ``timeout``: seconds for everything together."""

    directory: str
    release: str
    generations: Mapping[str, str]
    replicas: Mapping[str, int]
    timeout: int
    queue_token: str = secret()
    realtime_key: str = secret()


@dataclass(frozen=True)
class State(Inputs):
    """``verified``: the release that passed."""

    verified: str = ""


class VerificationResource(Resource[Inputs, State]):
    """Runs again whenever its inputs change: another release, other generations, a rotated token."""

    inputs = Inputs
    state = State

    def create(self, inputs: Inputs) -> tuple[str, State]:
        layout = Layout(Path(inputs.directory))
        supervisor = Supervisor(layout)
        for generation in inputs.generations.values():
            supervisor.resume(generation)
        try:
            _verify(layout, inputs)
        except CheckFailed as error:
            culprit = _culprit(supervisor, inputs, error)
            lines = supervisor.last_lines(culprit)
            for generation in _unaccepted(layout, inputs):
                supervisor.stop(generation)
            raise UserError(
                f"Release {inputs.release} is refused; the one before it still serves. {error} "
                f"Last log lines of {culprit}:\n{lines}"
            ) from None
        for generation in inputs.generations.values():
            (folder_of(layout, generation) / ACCEPTED).touch()
        return "verification", extend(State, inputs, verified=inputs.release)

    def update(self, id: str, state: State, inputs: Inputs) -> State:
        return self.create(inputs)[1]

    def delete(self, id: str, state: State) -> None:
        """There is nothing to undo."""


def _verify(layout: Layout, inputs: Inputs) -> None:
    apps, realtimes = (_listeners(layout, inputs, process) for process in ("app", "realtime"))
    questions: list[Callable[[], object]] = [
        *(lambda app=app: checks.app_is_ready(app, inputs.release) for app in apps),
        *(lambda server=server: checks.realtime_is_ready(server, inputs.release) for server in realtimes),
        lambda: checks.canary_is_protected(apps[0]),
        lambda: checks.canary_round_trip(
            apps[0],
            realtimes[0],
            queue=f"canary-{inputs.generations['worker']}",
            token=inputs.queue_token,
            key=inputs.realtime_key,
            release=inputs.release,
            seconds=inputs.timeout,
        ),
    ]
    with ThreadPoolExecutor(len(questions)) as pool:
        answers = [pool.submit(question) for question in questions]
    for answer in answers:
        answer.result()


def _listeners(layout: Layout, inputs: Inputs, process: str) -> list[Endpoint]:
    folder = folder_of(layout, inputs.generations[process])
    return [unix_endpoint(folder / f"{number}.sock") for number in range(inputs.replicas[process])]


def _culprit(supervisor: Supervisor, inputs: Inputs, error: CheckFailed) -> str:
    """The process whose log explains the failure: one that ended, else the one whose socket the sentence names, else the worker."""
    for generation in inputs.generations.values():
        if failed := supervisor.failed(generation):
            return failed.name
    named = next((name for name in inputs.generations.values() if name in str(error)), inputs.generations["worker"])
    return f"{named}-0"


def _unaccepted(layout: Layout, inputs: Inputs) -> list[str]:
    return [name for name in inputs.generations.values() if not (folder_of(layout, name) / ACCEPTED).exists()]
