"""``pitchbar:local:Migration``: brings the database to a release's schema, before any process of that release
starts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.errors import UserError
from infra.provider.base import Resource, extend
from infra.provider.local.layout import Layout, user_for
from infra.provider.local.run import run
from infra.provider.marshal import secret
from infra.provider.redaction import secrets_of
from infra.release import manifest
from infra.release.migrations import reachable_from


@dataclass(frozen=True)
class Inputs:
    """``command`` runs in ``path`` with ``environment`` for at most ``timeout`` seconds. ``cluster``: the database
    server's data, for new data needs the schema again."""

    directory: str
    release: str
    path: str
    command: tuple[str, ...]
    timeout: int
    environment: Mapping[str, str] = secret()
    cluster: str = ""


@dataclass(frozen=True)
class State(Inputs):
    """``revision``: the schema's after it."""

    revision: str = ""


class MigrationResource(Resource[Inputs, State]):
    """A gate: made or updated by running the release's own migrate command, which is safe to repeat."""

    inputs = Inputs
    state = State
    determines = frozenset({("release", "revision"), ("cluster", "revision"), ("environment", "revision")})

    def create(self, inputs: Inputs) -> tuple[str, State]:
        what = f"The migration of release {inputs.release}"
        environment = {**inputs.environment, "COMPATIBLE_REVISIONS": ",".join(sorted(_compatible(inputs)))}
        output = run(
            inputs.command,
            what=what,
            timeout=inputs.timeout,
            environment=environment,
            secrets=secrets_of(inputs.environment),
            directory=Path(inputs.path),
            user=user_for(Path(inputs.command[0])),
        )
        try:
            revision = json.loads(output.splitlines()[-1])["to"]
        except (IndexError, KeyError, TypeError, ValueError):
            raise UserError(f'{what} printed no last line of the form {{"from": …, "to": REVISION}}.') from None
        return "migration", extend(State, inputs, revision=str(revision))

    def update(self, id: str, state: State, inputs: Inputs) -> State:
        return self.create(inputs)[1]

    def delete(self, id: str, state: State) -> None:
        """A schema is not undone; it goes with its database."""


def _compatible(inputs: Inputs) -> frozenset[str]:
    """The revisions of newer releases in the store on which this release can run."""
    own = manifest.read(Path(inputs.path))
    known = [revision.id for revision in own.revisions] if own else []
    others = manifest.read_all(Layout(Path(inputs.directory)).releases)
    return reachable_from(known, [other.revisions for other in others])
