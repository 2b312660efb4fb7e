"""``pitchbar:aws:Renewal``: the gate before the app-key's previous value is retired, as on the local target.

What the database holds under that value is encrypted under the current one by the release's own command, in a one-off
task that has both. Where something can't be, the update fails before any task is started without the previous value.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.errors import UserError
from infra.provider.aws.session import call, client
from infra.provider.aws.task import Ended, OneOff, TaskInputs
from infra.provider.base import Resource, extend

KEY = "APP_KEY"
_AT_ONCE = 100
"""So many tasks ECS lists and describes in one answer."""


@dataclass(frozen=True)
class Inputs(TaskInputs):
    """See :class:`infra.targets.aws.resources.RenewalArgs`."""

    release: str = ""
    version: int = 1
    retire: bool = False
    app_key: str = ""
    families: str = ""
    has_command: bool = True


@dataclass(frozen=True)
class State(Inputs):
    """``renewed``: how many values were encrypted anew when the previous one was retired. ``task``: that did it."""

    renewed: int = 0
    task: str = ""


class RenewalResource(Resource[Inputs, State]):
    """Runs once for each retirement, whichever release it is: a value written later is under the current key."""

    inputs = Inputs
    state = State
    determines = frozenset((input, output) for input in ("version", "retire") for output in ("renewed", "task"))
    ignored = frozenset(Inputs.__dataclass_fields__) - {"version", "retire"}

    def create(self, inputs: Inputs) -> tuple[str, State]:
        if not inputs.retire:
            return "renewal", extend(State, inputs)
        if not inputs.has_command:
            raise UserError(
                f"Release {inputs.release} has no command that encrypts settings anew, so the app-key's previous value "
                "can't be retired. Retire it with a later release."
            )
        what = f"The renewal of what is encrypted, by release {inputs.release},"
        _must_be_known_to_all(what, inputs)
        ended = OneOff(what, inputs).run({})
        return "renewal", extend(State, inputs, renewed=_count(what, ended), task=ended.arn)

    def update(self, id: str, state: State, inputs: Inputs) -> State:
        return self.create(inputs)[1]

    def delete(self, id: str, state: State) -> None:
        """What was renewed stays."""


def _count(what: str, ended: Ended) -> int:
    try:
        return int(ended.said("renewed"))
    except (TypeError, ValueError):
        raise UserError(f'{what} logged no last line of the form {{"renewed": COUNT}}.') from None


def _must_be_known_to_all(what: str, inputs: Inputs) -> None:
    """Refuse while a task runs that has the previous key alone: it could not read what was renewed."""
    ecs = client("ecs", inputs.region)
    for definition in sorted(_running(what, ecs, inputs)):
        described = call(what, ecs.describe_task_definition, taskDefinition=definition)["taskDefinition"]
        keys = {_source(container) for container in described["containerDefinitions"]} - {""}
        if keys - {inputs.app_key}:
            raise UserError(
                f"{definition.rpartition('/')[2]} still runs with the app-key before the rotation, so that can't be "
                "retired. Run `pitchbar up`, which finishes the rotation, then retire it."
            )


def _running(what: str, ecs: Any, inputs: Inputs) -> set[str]:
    """The task definitions of the stack's that tasks run."""
    found: set[str] = set()
    for arns in _lists(what, ecs, inputs.cluster):
        tasks = call(what, ecs.describe_tasks, cluster=inputs.cluster, tasks=arns)["tasks"]
        found |= {task["taskDefinitionArn"] for task in tasks}
    return {arn for arn in found if arn.rpartition("/")[2].startswith(inputs.families)}


def _lists(what: str, ecs: Any, cluster: str) -> Iterator[list[str]]:
    more: dict[str, str] = {}
    while True:
        answer = call(what, ecs.list_tasks, cluster=cluster, desiredStatus="RUNNING", maxResults=_AT_ONCE, **more)
        if answer["taskArns"]:
            yield answer["taskArns"]
        if not answer.get("nextToken"):
            return
        more = {"nextToken": answer["nextToken"]}


def _source(container: Mapping[str, Any]) -> str:
    """Where a container has the app-key from; empty for one that hasn't."""
    return next((str(item["valueFrom"]) for item in container.get("secrets", []) if item["name"] == KEY), "")
