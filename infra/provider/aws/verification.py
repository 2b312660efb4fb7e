"""``pitchbar:aws:Verification``: the proof after a roll-out that the release serves.

ECS reports a roll-out that its circuit breaker took back as finished: the service is steady, with the previous task
definition. So what each service runs is compared with what it should run, and then the environment is asked from
outside what a visitor would ask.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from infra import checks
from infra.checks import eventually
from infra.endpoints import CheckFailed, url_endpoint
from infra.errors import UserError
from infra.provider import cancellation
from infra.provider.aws.session import call, client
from infra.provider.base import Resource, extend
from infra.provider.marshal import secret

_POLL_SECONDS = 2.0
_EVERY = 1.0
"""Between two questions from outside, which pass the edge's limits like a visitor's."""


@dataclass(frozen=True)
class Inputs:
    """See :class:`infra.targets.aws.resources.VerificationArgs`."""

    region: str
    release: str
    cluster: str
    services: Mapping[str, str]
    app_url: str
    realtime_url: str
    canary_queue: str
    timeout: int
    realtime_key: str = secret()
    queue_token: str = secret()


@dataclass(frozen=True)
class State(Inputs):
    """``verified``: the release that passed."""

    verified: str = ""


class VerificationResource(Resource[Inputs, State]):
    """Runs again whenever its inputs change: another release, another task definition, a rotated token."""

    inputs = Inputs
    state = State
    determines = frozenset({("release", "verified")})

    def create(self, inputs: Inputs) -> tuple[str, State]:
        deadline = time.monotonic() + inputs.timeout
        _await_rollout(inputs, deadline)
        try:
            _ask(inputs, deadline)
        except CheckFailed as error:
            raise UserError(f"Release {inputs.release} runs, but does not serve: {error} {_way_back()}") from None
        return "verification", extend(State, inputs, verified=inputs.release)

    def update(self, id: str, state: State, inputs: Inputs) -> State:
        return self.create(inputs)[1]

    def delete(self, id: str, state: State) -> None:
        """There is nothing to undo."""


def _await_rollout(inputs: Inputs, deadline: float) -> None:
    """Wait until every service runs what it should. Raises :class:`UserError` at the first that was taken back."""
    ecs = client("ecs", inputs.region)
    while True:
        waiting = []
        for service in _described(ecs, inputs):
            late = _lateness(inputs, service)
            if late:
                waiting.append(late)
        if not waiting:
            return
        if time.monotonic() >= deadline:
            raise UserError(
                f"Release {inputs.release} is not rolled out after {inputs.timeout} s: "
                f"{' '.join(waiting)} {_way_back()}"
            )
        cancellation.wait(_POLL_SECONDS)


def _described(ecs: Any, inputs: Inputs) -> Sequence[Mapping[str, Any]]:
    what = f"The roll-out of release {inputs.release}"
    answer = call(what, ecs.describe_services, cluster=inputs.cluster, services=sorted(inputs.services))
    found = {service["serviceArn"]: service for service in answer["services"] if service["status"] == "ACTIVE"}
    missing = sorted(set(inputs.services) - set(found))
    if missing:
        raise UserError(f"{what}: the cluster has no running service {', '.join(missing)}. Run `pulumi up --refresh`.")
    return [found[arn] for arn in sorted(inputs.services)]


def _lateness(inputs: Inputs, service: Mapping[str, Any]) -> str:
    """What a service still lacks; empty when it is there. Raises :class:`UserError` when it won't get there."""
    name = service["serviceName"]
    wanted = inputs.services[service["serviceArn"]]
    primary = next(item for item in service["deployments"] if item["status"] == "PRIMARY")
    state = primary.get("rolloutState", "COMPLETED")
    reason = primary.get("rolloutStateReason", "")
    because = f" ({reason})" if reason else ""
    if state == "FAILED":
        problem = f"The roll-out of release {inputs.release} failed: service {name} has no steady tasks{because}. "
    elif state == "COMPLETED" and primary["taskDefinition"] != wanted:
        problem = (
            f"ECS took the roll-out of release {inputs.release} back: service {name} runs "
            f"{_short(primary['taskDefinition'])} instead of {_short(wanted)}{because}. "
        )
    else:
        problem = ""
    if problem:
        raise UserError(
            f"{problem}{_events(service)}The release before it still serves. Run `pitchbar logs` to see why."
        )
    running, desired = primary.get("runningCount", 0), primary.get("desiredCount", 0)
    if state == "COMPLETED" and running >= desired:
        return ""
    return f"Service {name} has {running} of {desired} tasks of {_short(wanted)} ({state})."


def _events(service: Mapping[str, Any]) -> str:
    messages = [str(event["message"]) for event in service.get("events", [])[:3]]
    return f"Its last events: {' '.join(messages)} " if messages else ""


def _ask(inputs: Inputs, deadline: float) -> None:
    """Ask the environment from outside, all at once and until the deadline. Raises :class:`CheckFailed`."""
    app, realtime = url_endpoint(inputs.app_url), url_endpoint(inputs.realtime_url)
    questions: list[Callable[[], object]] = [
        partial(checks.app_is_ready, app, inputs.release),
        partial(checks.realtime_is_ready, realtime, inputs.release),
        partial(checks.realtime_accepts, realtime, inputs.realtime_key),
        partial(checks.realtime_refuses_strangers, realtime),
    ]
    if inputs.canary_queue:
        questions += [partial(checks.canary_is_protected, app), partial(_canary, inputs, app, realtime)]
    with ThreadPoolExecutor(len(questions)) as pool:
        left = max(0.0, deadline - time.monotonic())
        for answer in [pool.submit(eventually, question, left, every=_EVERY) for question in questions]:
            answer.result()


def _canary(inputs: Inputs, app: checks.Endpoint, realtime: checks.Endpoint) -> None:
    checks.canary_round_trip(
        app,
        realtime,
        queue=inputs.canary_queue,
        token=inputs.queue_token,
        key=inputs.realtime_key,
        release=inputs.release,
    )


def _short(task_definition: str) -> str:
    return task_definition.rpartition("/")[2]


def _way_back() -> str:
    return "To go back to the release before it, type: `pitchbar rollback`."
