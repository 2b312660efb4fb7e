"""``pitchbar:aws:Migration``: brings the database to a release's schema by a one-off task in the release's image."""

from dataclasses import dataclass

from infra.provider.aws.store import manifests
from infra.provider.aws.task import OneOff, TaskInputs
from infra.provider.base import Resource, extend
from infra.release.migrations import reachable_from


@dataclass(frozen=True)
class Inputs(TaskInputs):
    """``store`` and ``prefix``: the bucket and the folder in it that hold the releases' manifests."""

    release: str = ""
    store: str = ""
    prefix: str = ""


@dataclass(frozen=True)
class State(Inputs):
    """``revision``: the schema's after it, where the image says so. ``task``: the task that did it."""

    revision: str = ""
    task: str = ""


class MigrationResource(Resource[Inputs, State]):
    """A gate: made or updated by running the release's own migrate command, which is safe to repeat."""

    inputs = Inputs
    state = State
    determines = frozenset(
        (input, output) for input in ("task_definition", "release") for output in ("revision", "task")
    )

    def create(self, inputs: Inputs) -> tuple[str, State]:
        compatible = ",".join(sorted(_compatible(inputs)))
        ended = OneOff(f"The migration of release {inputs.release}", inputs).run({"COMPATIBLE_REVISIONS": compatible})
        return "migration", extend(State, inputs, revision=str(ended.said("to") or ""), task=ended.arn)

    def update(self, id: str, state: State, inputs: Inputs) -> State:
        return self.create(inputs)[1]

    def delete(self, id: str, state: State) -> None:
        """A schema is not undone; it goes with its database."""


def _compatible(inputs: Inputs) -> frozenset[str]:
    """The revisions of newer releases in the store on which this release can run."""
    known = manifests(inputs.region, inputs.store, inputs.prefix)
    own = next((found for found in known if found.id == inputs.release), None)
    revisions = [revision.id for revision in own.revisions] if own else []
    return reachable_from(revisions, [other.revisions for other in known])
