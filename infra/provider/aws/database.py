"""``pitchbar:aws:Database``: an environment's own database and role, made by a one-off task inside the network, where
the server can be reached."""

from dataclasses import dataclass

from infra.provider.aws.task import OneOff, TaskInputs
from infra.provider.base import Resource, extend


@dataclass(frozen=True)
class Inputs(TaskInputs):
    """``name``: of the database and of its owner. ``retain``: leave it when the resource is deleted."""

    name: str = ""
    retain: bool = True


@dataclass(frozen=True)
class State(Inputs):
    """``task``: the task that made it last."""

    task: str = ""


class DatabaseResource(Resource[Inputs, State]):
    """Its task is safe to repeat: it makes what is missing and gives the role its current password."""

    inputs = Inputs
    state = State
    replaces = frozenset({"name"})
    determines = frozenset({("task_definition", "task")})

    def create(self, inputs: Inputs) -> tuple[str, State]:
        ended = OneOff(f"Making the database {inputs.name}", inputs).run({"ACTION": "create"})
        return inputs.name, extend(State, inputs, task=ended.arn)

    def update(self, id: str, state: State, inputs: Inputs) -> State:
        return self.create(inputs)[1]

    def delete(self, id: str, state: State) -> None:
        if not state.retain:
            OneOff(f"Dropping the database {state.name}", state).run({"ACTION": "drop"})
