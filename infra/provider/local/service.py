"""``pitchbar:local:Service``: the processes of one kind (app, worker, realtime) of one release.

A new release *replaces* a Service, so that the new processes are healthy before the old ones are stopped. An identity
made of the release alone would let the old one's delete hit the new one when a release comes back, so each instance
has its own *generation*.
"""

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from infra.endpoints import CheckFailed, http_get, unix_endpoint
from infra.errors import UserError
from infra.provider.base import Resource, extend, replace
from infra.provider.local import layout as folders
from infra.provider.local.layout import ACCEPTED, Layout, user_for
from infra.provider.local.supervision import Program, Supervisor
from infra.provider.marshal import secret

_LOGS_KEPT = 5
_LOOKS = 5
"""At every so manieth look for readiness Supervisor is asked for an end, which is less likely and costs more."""


@dataclass(frozen=True)
class Inputs:
    """``command``: ``{socket}`` in it is the process' own listener. ``health_path`` is empty for a process that
    doesn't listen.

    ``ready_timeout`` and ``stop_timeout``: seconds until every process must be ready, and from SIGTERM to SIGKILL.
    """

    directory: str
    process: str
    release: str
    path: str
    command: tuple[str, ...]
    replicas: int
    health_path: str
    ready_timeout: int
    stop_timeout: int
    environment: Mapping[str, str] = secret()


@dataclass(frozen=True)
class State(Inputs):
    """``generation``: this instance's name. ``running``: whether all its processes run."""

    generation: str = ""
    running: bool = False


class ServiceResource(Resource[Inputs, State]):
    """Any changed input replaces it; an update only starts again what refresh found stopped."""

    inputs = Inputs
    state = State
    replaces = frozenset(field.name for field in fields(Inputs))

    def check(self, inputs: Inputs) -> Mapping[str, str]:
        return {} if inputs.replicas >= 1 else {"replicas": f"is {inputs.replicas}; a process needs at least one"}

    def create(self, inputs: Inputs) -> tuple[str, State]:
        layout = Layout(Path(inputs.directory))
        _remove_unaccepted(layout, inputs.process)
        generation = f"{inputs.process}-{secrets.token_hex(4)}"
        _start(layout, inputs, generation)
        return generation, extend(State, inputs, generation=generation, running=True)

    def read(self, id: str, state: State) -> State | None:
        layout = Layout(Path(state.directory))
        if not folder_of(layout, id).is_dir():
            return None
        return replace(state, running=Supervisor(layout).runs_or_starts(id))

    def update(self, id: str, state: State, inputs: Inputs) -> State:
        _start(Layout(Path(inputs.directory)), inputs, id)
        return extend(State, inputs, generation=id, running=True)

    def delete(self, id: str, state: State) -> None:
        remove(Layout(Path(state.directory)), id)


def folder_of(layout: Layout, generation: str) -> Path:
    """A generation's folder: its listeners ``0.sock``, ``1.sock`` … and ``service.json``."""
    return layout.services / generation


def remove(layout: Layout, generation: str) -> None:
    """Drain and stop a generation's processes and forget it."""
    Supervisor(layout).remove(generation)
    folders.remove(folder_of(layout, generation))


def _remove_unaccepted(layout: Layout, process: str) -> None:
    """Clear what an interrupted or refused roll-out left: every generation of the process that no Verification
    accepted."""
    for folder in layout.services.glob(f"{process}-*"):
        if not (folder / ACCEPTED).exists():
            remove(layout, folder.name)


def _start(layout: Layout, inputs: Inputs, generation: str) -> None:
    folder = folder_of(layout, generation)
    folders.make_folder_of_service(folder)
    facts = {"process": inputs.process, "release": inputs.release, "replicas": inputs.replicas}
    (folder / "service.json").write_text(json.dumps(facts) + "\n", encoding="utf-8")
    _prune_logs(layout, inputs.process)
    command = tuple(word.replace("{socket}", f"{folder}/{{process}}.sock") for word in inputs.command)
    program = Program(
        name=generation,
        command=command,
        directory=Path(inputs.path),
        environment={**inputs.environment, "CANARY_QUEUE": f"canary-{generation}"},
        processes=inputs.replicas,
        stop_timeout=inputs.stop_timeout,
        user=user_for(Path(command[0])),
    )
    try:
        Supervisor(layout).start(program)
        _wait_until_ready(layout, inputs, generation)
    except BaseException:
        if not (folder / ACCEPTED).exists():
            remove(layout, generation)
        raise


def _wait_until_ready(layout: Layout, inputs: Inputs, generation: str) -> None:
    supervisor = Supervisor(layout)
    waiting = list(range(inputs.replicas))
    reasons = dict.fromkeys(waiting, "it didn't start.")
    for look, _ in enumerate(supervisor.wait(inputs.ready_timeout)):
        if look % _LOOKS == 0 and (failed := supervisor.failed(generation)):
            raise UserError(
                f"The {inputs.process} process of release {inputs.release} ended at its start. Its last log lines:\n"
                + supervisor.last_lines(failed.name)
            )
        if not inputs.health_path:
            if supervisor.runs_or_starts(generation):
                return
            continue
        for number in tuple(waiting):
            try:
                _must_be_ready(layout, inputs, generation, number)
                waiting.remove(number)
            except CheckFailed as error:
                reasons[number] = str(error)
        if not waiting:
            return
    number = waiting[0]
    raise UserError(
        f"The {inputs.process} process of release {inputs.release} wasn't ready within {inputs.ready_timeout} s: "
        f"{reasons[number]} Its last log lines:\n{supervisor.last_lines(f'{generation}-{number}')}"
    )


def _must_be_ready(layout: Layout, inputs: Inputs, generation: str, number: int) -> None:
    answer = http_get(unix_endpoint(folder_of(layout, generation) / f"{number}.sock"), inputs.health_path, timeout=5)
    if answer.status != 200:
        body = answer.body[:500].decode(errors="replace")
        raise CheckFailed(f"{inputs.health_path} answers {answer.status}: {body}.")


def _prune_logs(layout: Layout, process: str) -> None:
    logs = sorted(layout.logs.glob(f"{process}-*"), key=lambda log: log.stat().st_mtime, reverse=True)
    cutoff = time.time() - 24 * 3600
    for log in logs[_LOGS_KEPT:]:
        if folder_of(layout, log.name.rpartition("-")[0]).exists():
            continue  # It is still written to.
        if log.stat().st_mtime < cutoff or len(logs) > 50:
            log.unlink(missing_ok=True)
