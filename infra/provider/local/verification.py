"""``pitchbar:local:Verification``: the gate between a release's new processes and the gateway's switch to them.

It asks the candidates on their private listeners what a visitor would: health and release of every process, a job
through Redis, the worker and PostgreSQL, and its event back over a WebSocket. A refused candidate is stopped, so that
it takes no jobs.
"""

import re
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from infra import checks
from infra.checks import eventually
from infra.endpoints import CheckFailed, Endpoint, unix_endpoint
from infra.errors import UserError
from infra.provider import cancellation
from infra.provider.base import Resource, extend
from infra.provider.local.layout import ACCEPTED, Layout
from infra.provider.local.service import folder_of
from infra.provider.local.supervision import Supervisor
from infra.provider.marshal import secret

_LOOK_SECONDS = 0.1
_FLICKER_SECONDS = 2.0
"""A candidate that was ready may not be for a moment: on a busy machine Redis answers late now and then."""


@dataclass(frozen=True)
class Inputs:
    """``generations`` and ``replicas``: of each process (app, worker, realtime). ``timeout``: seconds for everything
    together."""

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
    determines = frozenset({("release", "verified")})

    def create(self, inputs: Inputs) -> tuple[str, State]:
        candidates = _Candidates(inputs)
        candidates.resume()
        try:
            candidates.verify()
        except CheckFailed as error:
            sentence = candidates.refuse(error)
            raise UserError(sentence) from None
        candidates.accept()
        return "verification", extend(State, inputs, verified=inputs.release)

    def update(self, id: str, state: State, inputs: Inputs) -> State:
        return self.create(inputs)[1]

    def delete(self, id: str, state: State) -> None:
        """There is nothing to undo."""


class _Candidates:
    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs
        self._layout = Layout(Path(inputs.directory))
        self._supervisor = Supervisor(self._layout)
        self._patience = 0.0

    def resume(self) -> None:
        """Start again what an earlier refusal stopped; then each needs its time to become ready."""
        for generation in self._inputs.generations.values():
            if self._supervisor.resume(generation):
                self._patience = self._inputs.timeout

    def verify(self) -> None:
        """Ask all whether they are ready, then for a canary job. Raises :class:`CheckFailed` at the first wrong answer
        that lasts, or as soon as a candidate ends by itself."""
        self._ask(self._ready_questions(), max(self._patience, _FLICKER_SECONDS))
        self._ask(self._canary_questions(), 0)

    def _ask(self, questions: list[Callable[[], object]], patience: float) -> None:
        pool = ThreadPoolExecutor()
        answers = [pool.submit(eventually, question, patience) for question in questions]
        pool.shutdown(wait=False)
        while answers:
            finished, waiting = wait(answers, timeout=_LOOK_SECONDS, return_when=FIRST_EXCEPTION)
            cancellation.check()
            answers = list(waiting)
            if failed := self._failed():
                raise CheckFailed(f"{failed} ended by itself.")
            for answer in finished:
                answer.result()

    def accept(self) -> None:
        for generation in self._inputs.generations.values():
            (folder_of(self._layout, generation) / ACCEPTED).touch()

    def refuse(self, error: CheckFailed) -> str:
        """Stop the candidates and return the sentence that says why."""
        culprit = self._culprit(error)
        lines = self._supervisor.last_lines(culprit)
        for generation in self._inputs.generations.values():
            if not (folder_of(self._layout, generation) / ACCEPTED).exists():
                self._supervisor.stop(generation)
        before = " The one before it still serves." if self._layout.current.exists() else ""
        return f"Release {self._inputs.release} is refused.{before} {error} The last log lines of {culprit}:\n{lines}"

    def _ready_questions(self) -> list[Callable[[], object]]:
        release, timeout = self._inputs.release, self._inputs.timeout
        return [
            *(partial(checks.app_is_ready, app, release, timeout=timeout) for app in self._listeners("app")),
            *(
                partial(checks.realtime_is_ready, each, release, timeout=timeout)
                for each in self._listeners("realtime")
            ),
        ]

    def _canary_questions(self) -> list[Callable[[], object]]:
        inputs = self._inputs
        apps, realtimes = self._listeners("app"), self._listeners("realtime")
        return [
            partial(checks.canary_is_protected, apps[0], timeout=inputs.timeout),
            partial(
                checks.canary_round_trip,
                apps[0],
                realtimes[0],
                queue=f"canary-{inputs.generations['worker']}",
                token=inputs.queue_token,
                key=inputs.realtime_key,
                release=inputs.release,
                seconds=inputs.timeout,
            ),
        ]

    def _listeners(self, process: str) -> list[Endpoint]:
        folder = folder_of(self._layout, self._inputs.generations[process])
        return [unix_endpoint(folder / f"{number}.sock") for number in range(self._inputs.replicas[process])]

    def _failed(self) -> str:
        failures = (self._supervisor.failed(generation) for generation in self._inputs.generations.values())
        return next((failed.name for failed in failures if failed), "")

    def _culprit(self, error: CheckFailed) -> str:
        """The process whose log explains it: one that ended, else the one whose listener the sentence names, else the
        worker."""
        generations = self._inputs.generations
        listener = re.search(rf"/({'|'.join(map(re.escape, generations.values()))})/(\d+)\.sock", str(error))
        named = f"{listener[1]}-{listener[2]}" if listener else f"{generations['worker']}-0"
        return self._failed() or named
